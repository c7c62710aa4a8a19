"""`keras-transfer finetune`: a backbone learns one's own image classes."""

import pathlib
import time

from keras_transfer.cli import image_folders
from keras_transfer.cli import options
from keras_transfer.cli import output
from keras_transfer.cli import run_logs

STRATEGIES = ("full", "head", "gradual", "lora")


def add_parser(commands):
    """Adds the command and its options."""
    parser = commands.add_parser(
        "finetune",
        help="fine-tune a backbone of the zoo on one's own images",
        description=(
            "Puts a new head on a backbone and trains it on a folder of class "
            "folders, the head alone first and then all of it; prints the "
            "table, draws the curves, saves the model and a SavedModel."
        ),
    )
    _add_data_options(parser.add_argument)
    _add_training_options(parser.add_argument)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object only"
    )
    parser.set_defaults(run=run)


def run(arguments, reporter):
    """Trains, saves; returns what `--json` prints."""
    import keras

    from keras_transfer import zoo

    keras.utils.set_random_seed(arguments.seed)
    backbone = zoo.load(arguments.backbone, trainable=True)
    photos = image_folders.load(
        arguments.images,
        arguments,
        reporter,
        size=backbone.preprocessing.size or [arguments.size] * 2,
        validation_split=arguments.validation,
    )
    reporter.line(
        f"{len(photos.train.paths)} images of {len(photos.class_names)} "
        f"classes, {len(photos.validation.paths)} more held out."
    )
    stages = _stages(arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    model, rows, histories = _train(
        _features(backbone, photos.size), photos, stages, arguments, reporter
    )
    report = _save(arguments.out, model, photos, rows, histories)
    reporter.line()
    reporter.table(
        ["stage", "epochs", "accuracy", "loss", "learning weights", "seconds"],
        [row.values() for row in rows],
    )
    reporter.line()
    for key in ("model", "saved_model", "curves", "results"):
        reporter.line(f"{key.replace('_', ' '):12s} {report[key]}")
    reporter.line()
    output.report_hint(reporter, arguments.out)
    return report


def _add_data_options(option):
    option(
        "--images",
        type=pathlib.Path,
        required=True,
        metavar="DIR",
        help="folder with a folder of images for each class",
    )
    option(
        "--backbone",
        required=True,
        metavar="NAME",
        help="name of the zoo, handle or folder",
    )
    option("--out", type=pathlib.Path, required=True, metavar="RUN")
    option(
        "--validation",
        type=float,
        default=0.2,
        help="share of each class that is held out (default: %(default)s)",
    )
    image_folders.add_option(option)
    option(
        "--size",
        type=options.positive,
        default=224,
        help="pixels on a side, for backbones that take any "
        "(default: %(default)s)",
    )


def _add_training_options(option):
    option(
        "--strategy",
        default="full",
        choices=STRATEGIES,
        help="what learns: head and then all, the head alone, a layer group "
        "more each epoch, or the head and adapters (default: %(default)s)",
    )
    option(
        "--class-weights",
        action="store_true",
        help="weigh classes against their number of images",
    )
    option("--head-epochs", type=options.positive, default=5)
    option("--epochs", type=options.positive, default=10)
    option("--batch-size", type=options.positive, default=32)
    option("--learning-rate", type=float, default=1e-3, help="of the head")
    option("--seed", type=int, default=0)


def _features(backbone, size):
    """A model from pixels 0..255 to features."""
    import keras

    inputs = keras.Input((*size, 3), name="image")
    return keras.Model(inputs, backbone(backbone.preprocessing(inputs)))


def _stages(arguments):
    """Strategies in their order, with the epochs of each."""
    if arguments.strategy == "full":
        return {"head": arguments.head_epochs, "full": arguments.epochs}
    return {arguments.strategy: arguments.epochs}


def _train(model, photos, stages, arguments, reporter):
    """Runs the stages; returns the model, the table and the histories."""
    from keras_transfer import finetune

    rows, histories, num_classes = [], {}, len(photos.class_names)
    for stage, epochs in stages.items():
        model, callbacks = finetune.prepare(
            model, num_classes, stage, arguments.learning_rate
        )
        num_classes = None  # the head stays
        began = time.perf_counter()
        history = _fit(
            model, photos, stage, epochs, callbacks, arguments, reporter
        )
        histories[stage] = history
        rows.append(
            {
                "stage": stage,
                "epochs": epochs,
                "accuracy": history["val_accuracy"][-1],
                "loss": history["val_loss"][-1],
                "learning_weights": sum(
                    variable.value.shape.num_elements()
                    for variable in model.trainable_variables
                ),
                "seconds": round(time.perf_counter() - began, 1),
            }
        )
    if arguments.strategy == "lora":
        model = finetune.merge_adapters(model)
    return model, rows, histories


def _fit(model, photos, stage, epochs, callbacks, arguments, reporter):
    """Trains one stage and writes its run folder; returns the history."""
    from keras_transfer import explain

    log = run_logs.fresh(
        arguments.out,
        stage,
        config={"stage": stage, "backbone": arguments.backbone},
        data=f"{photos.num_images} images of {len(photos.class_names)} "
        f"classes in {arguments.images.resolve().name}, "
        f"{len(photos.validation.paths)} of them held out",
        seed=arguments.seed,
        monitor="val_accuracy",
    )
    validation = photos.batches("validation", arguments.batch_size)
    history = model.fit(
        photos.batches(
            "train", arguments.batch_size, shuffle=True, seed=arguments.seed
        ),
        epochs=epochs,
        validation_data=validation,
        class_weight=photos.class_weight if arguments.class_weights else None,
        callbacks=[*callbacks, log],
        shuffle=False,
        verbose=0 if reporter.as_json else 2,
    ).history
    explain.record_evidence(
        log.folder,
        model,
        None,
        (validation, photos.validation.labels),
        class_names=photos.class_names,
        images=run_logs.NUM_PICTURED,
        seed=arguments.seed,
    )
    return history


def _save(out, model, photos, rows, histories):
    """Writes everything; returns what `--json` prints."""
    from keras_transfer import _files
    from keras_transfer import explain
    from keras_transfer import export

    names = out / "class_names.txt"
    output.write_text(names, "\n".join(photos.class_names) + "\n")
    with _files.written_whole(out / "model.keras") as partial:
        model.save(partial)
    with _files.written_whole(out / "curves.png") as partial:
        explain.learning_curves(histories).savefig(partial, dpi=110)
    saved = export.save(
        model,
        out / "served" / out.resolve().name,
        class_names=photos.class_names,
        signatures=("predict", "image_bytes", "classify"),
    )
    report = {
        "table": rows,
        "model": str(out / "model.keras"),
        "saved_model": str(saved.path),
        "curves": str(out / "curves.png"),
        "class_names": str(names),
        "runs": {
            stage: str(out / run_logs.RUNS / stage) for stage in histories
        },
        "results": str(out / "results.json"),
    }
    output.write_json(out / "results.json", {**report, "history": histories})
    return report
