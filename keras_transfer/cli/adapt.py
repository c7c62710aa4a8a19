"""`keras-transfer adapt`: from one's own image folders to a served model."""

import pathlib

from keras_transfer.cli import image_folders
from keras_transfer.cli import options
from keras_transfer.cli import output

#: Images of each domain in the picture.
NUM_PICTURED = 200


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "adapt",
        help="adapt an image classifier to one's own target images",
        description=(
            "Trains on a folder of class folders (the source), adapts to a "
            "folder of any images (the target), compares with training on the "
            "source alone, and saves the adapted model and a SavedModel."
        ),
    )
    _add_data_options(parser.add_argument)
    _add_training_options(parser.add_argument)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object only"
    )
    parser.set_defaults(run=run)


def run(arguments, reporter):
    """Trains, compares, chooses, saves; returns what `--json` prints."""
    import keras

    from keras_transfer.cli import adaptation_run

    keras.utils.set_random_seed(arguments.seed)
    terms = _terms(arguments.method)
    model = _load_model(arguments.model) if arguments.model else None
    size = model.inputs[0].shape[1:3] if model else [arguments.size] * 2
    source = image_folders.load(
        arguments.source, arguments, reporter, size=size, validation_split=0.2
    )
    target = image_folders.load(
        arguments.target, arguments, reporter, size=size, labelled=False
    )
    model = _model(model, source)
    reporter.line(
        f"Source: {len(source.train.paths)} images of "
        f"{len(source.class_names)} classes, {len(source.validation.paths)} "
        f"more held out. Target: {target.num_images} images, no labels."
    )
    settings = adaptation_run.Settings(
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        features=arguments.features,
        batch_norm=arguments.batch_norm,
        verbose=not reporter.as_json,
    )
    results = adaptation_run.compare(
        terms,
        model,
        _task(arguments, source, target),
        settings,
        reporter,
        arguments.out,
    )
    report = _save(arguments, source, target, results)
    _print(reporter, report)
    return report


def small_model(size, num_classes):
    """A small convolutional network, pixels 0..255 in, logits out."""
    import keras

    inputs = keras.Input((*size, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    for filters in (32, 64, 128):
        x = keras.layers.Conv2D(filters, 3, padding="same")(x)
        # Few steps: the moving statistics must keep up.
        x = keras.layers.BatchNormalization(momentum=0.95)(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(128, activation="relu")(x)
    return keras.Model(
        inputs, keras.layers.Dense(num_classes, name="logits")(x)
    )


def _add_data_options(option):
    option("--source", type=pathlib.Path, required=True, metavar="DIR")
    option("--target", type=pathlib.Path, required=True, metavar="DIR")
    option("--out", type=pathlib.Path, required=True, metavar="RUN")
    image_folders.add_option(option)
    size_help = "pixels on a side (default: %(default)s)"
    option("--size", type=options.positive, default=64, help=size_help)
    option(
        "--model",
        type=pathlib.Path,
        metavar="FILE.keras",
        help="model to start from: pixels 0..255 in, one logit per class out "
        "(default: a new small convolutional network)",
    )


def _add_training_options(option):
    option(
        "--method",
        default="dann",
        help="dann (domain-adversarial), dan (multi-kernel MMD), deep_coral, "
        "or all (default: %(default)s)",
    )
    option("--features", help="layer to align (default: input of the head)")
    option(
        "--batch-norm",
        default="shared",
        choices=("shared", "separate", "domain_specific"),
    )
    option("--epochs", type=options.positive, default=20)
    option("--batch-size", type=options.positive, default=32)
    option("--learning-rate", type=float, default=1e-3)
    option("--seed", type=int, default=0)


def _task(arguments, source, target):
    from keras_transfer import data
    from keras_transfer.cli import adaptation_run

    return adaptation_run.Task(
        pairs=data.pair_domains(
            source.train,
            target.train.paths,
            batch_size=arguments.batch_size,
            seed=arguments.seed,
            source_map=source.load,
            target_map=target.load,
        ),
        source_test=(
            source.batches("validation", 64),
            source.validation.labels,
        ),
        target=target.batches("train", 64),
        description=f"{source.num_images} images of "
        f"{arguments.source.resolve().name} ({len(source.class_names)} "
        f"classes) as the source and {target.num_images} of "
        f"{arguments.target.resolve().name} without labels as the target",
        class_names=source.class_names,
    )


def _terms(method):
    from keras_transfer import alignment
    from keras_transfer.alignment import names

    chosen = list(names.NAMES) if method == "all" else [method]
    return {"source_only": None} | {
        name: alignment.get(name) for name in chosen
    }


def _model(model, source):
    from keras_transfer.training import model_graph

    num_classes = len(source.class_names)
    if model is None:
        return small_model(source.size, num_classes)
    if model.outputs[0].shape[-1] != num_classes:
        raise ValueError(
            f"The model has {model.outputs[0].shape[-1]} outputs and the "
            f"source {num_classes} classes. Expected one output per class."
        )
    last = model_graph.last_activation(model)
    if last is not None:
        raise ValueError(
            f"The model ends in {last}, and logits are expected. "
            "Replace the last activation by None."
        )
    return model


def _load_model(path):
    import keras

    if not path.is_file():
        raise ValueError(f"There is no model file {path}.")
    model = keras.saving.load_model(path)
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or None in shapes[0][1:]:
        raise ValueError(
            f"The model in {path} must have one image input of a fixed size. "
            f"Received inputs of shape {shapes}."
        )
    return model


def _save(arguments, source, target, results):
    from keras_transfer.cli import adaptation_run

    out = arguments.out
    names = out / "class_names.txt"
    output.write_text(names, "\n".join(source.class_names) + "\n")
    pictured = (
        folder.load(_sample(paths, arguments.seed)).numpy()
        for folder, paths in (
            (source, source.validation.paths),
            (target, target.train.paths),
        )
    )
    return adaptation_run.save(
        out,
        out.resolve().name,
        results,
        [result.row() for result in results],
        pictured,
        arguments.features,
        class_names=str(names),
    )


def _sample(paths, seed):
    """Some paths of all classes: they come sorted."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(paths))
    return paths[order[:NUM_PICTURED]]


def _print(reporter, report):
    from keras_transfer.cli import adaptation_run

    score = report["chosen_by"]
    adaptation_run.print_table(reporter, report["table"])
    reporter.line(
        f"Saved, by {score} (nats, higher is better; no target labels): "
        f"{report['chosen']}"
    )
    if not report["better_than_source_only"]:
        reporter.line(
            "Training on the source alone scores higher: the adaptation may "
            "have done harm. Try another --method, or label a few target "
            "images and compare."
        )
    adaptation_run.print_paths(reporter, report)
