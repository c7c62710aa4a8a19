"""Trains several methods from one model and keeps the best, without labels.

What `quickstart` and `adapt` share.
"""

import pathlib
import time
from typing import Any
from typing import NamedTuple

import keras
import numpy as np

from keras_transfer import _files
from keras_transfer import adaptation
from keras_transfer import explain
from keras_transfer import export
from keras_transfer import selection
from keras_transfer.adaptation import feature_tap
from keras_transfer.adaptation import fit_inputs
from keras_transfer.cli import output
from keras_transfer.cli import run_logs
from keras_transfer.cli import scores
from keras_transfer.cli.epoch_bar import EpochBar

SCORE = "information_minus_risk"
#: Of a model that diverged; finite, because JSON knows no infinity.
LOWEST_SCORE = -1e9


class Task(NamedTuple):
    """The data of a run; training and choice see no target label.

    Attributes:
        pairs: Dataset of pairs for `DomainAdaptation.fit`.
        source_test: `(images, labels)` that are not trained on.
        target: Images, or a dataset of batches of them.
        target_test: For the report: `(images, labels)` of the target where
            there are any; else it shows `target`.
        description: What the data are, in a few words, for the report.
        class_names: List of texts, or `None`.
    """

    pairs: Any
    source_test: tuple
    target: Any
    target_test: tuple | None = None
    description: str | None = None
    class_names: list | None = None


class Settings(NamedTuple):
    """How every method is trained.

    Attributes:
        epochs: Number of epochs.
        learning_rate: Of Adam.
        seed: Of everything random.
        features: Layers to align, or `None` for the default.
        batch_norm: As for `DomainAdaptation`.
        verbose: Whether to show a progress bar.
    """

    epochs: int
    learning_rate: float = 1e-3
    seed: int = 0
    features: Any = None
    batch_norm: str = "shared"
    verbose: bool = True


class Result(NamedTuple):
    """A trained model with what is known of it without target labels.

    `log` is the `RunLog` of its training.
    """

    method: str
    model: keras.Model
    seconds: float
    source_accuracy: float
    score: float
    log: Any = None

    def row(self):
        """The result as a dict for the table and the JSON object."""
        return {
            "method": self.method,
            "source_test": self.source_accuracy,
            SCORE: self.score,
            "seconds": round(self.seconds, 1),
        }


def compare(terms, model, task, settings, reporter, out):
    """Trains a copy of a model with every method.

    All trainers are made, the data checked for all, and the folder for the
    results made before the first one is trained.

    Args:
        terms: Dict from method to alignment term, `None` for the source alone.
        model: The model to start from; it stays as it is.
        task: A `Task`.
        settings: `Settings`.
        reporter: Tells what each method resolved to.
        out: Folder for the results.

    Returns:
        A list of `Result`, in the order of the terms.

    Raises:
        ValueError: If the data or settings do not fit a method.
    """
    trainers = {
        method: _trainer(model, term, settings)
        for method, term in terms.items()
    }
    fit_inputs.plan(task.pairs, None, list(filter(None, terms.values())))
    out.mkdir(parents=True, exist_ok=True)
    results = []
    for method, trainer in trainers.items():
        reporter.line(_describe(method, terms[method]))
        log = run_logs.fresh(
            out,
            method,
            config={"method": method},
            data=task.description,
            seed=settings.seed,
        )
        results.append(_train(method, trainer, task, settings, log))
    return results


def best(results):
    """The adapted model with the highest score, which reads no target label."""
    return max(results, key=lambda result: result.score)


def probabilities(model, images):
    """Class probabilities of a model that returns logits."""
    sizes = {"batch_size": 256} if isinstance(images, np.ndarray) else {}
    return scores.probabilities(model, images, **sizes)


def save(out, name, results, table, pictured, features=None, **others):
    """Saves the best adapted model, the picture and the results.

    Args:
        out: Folder for the results.
        name: Name of the served model.
        results: List of `Result`, that of the source alone first.
        table: Rows of the table, dicts.
        pictured: Source and target images for the picture.
        features: As for `DomainAdaptation`.
        **others: More entries of the report.

    Returns:
        What `--json` prints, a dict.
    """
    source_only, *adapted = results
    chosen = best(adapted)
    report = {
        "table": table,
        "chosen": chosen.method,
        "chosen_by": SCORE,
        "better_than_source_only": chosen.score > source_only.score,
        **others,
        **save_model(chosen.model, out, name),
        "picture": save_pictures(
            out, *pictured, source_only.model, chosen.model, features
        ),
        "runs": {result.method: str(result.log.folder) for result in results},
        "results": str(out / "results.json"),
    }
    output.write_json(out / "results.json", report)
    return report


def save_model(model, folder, name):
    """Writes the `.keras` file and the SavedModel; returns their paths."""
    file = folder / "model.keras"
    with _files.written_whole(file) as partial:
        model.save(partial)
    report = export.save(model, folder / "served" / name)
    return {"model": str(file), "saved_model": str(report.path)}


def save_pictures(folder, source, target, before, after, features=None):
    """Draws samples and features of both domains; returns the path.

    Args:
        folder: Where `domains.png` goes.
        source: Source images, a few hundred.
        target: Target images, as many.
        before: Model trained on the source alone.
        after: Adapted model.
        features: As for `DomainAdaptation`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 7), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(2.2, 4.2))
    explain.domain_samples(source, target, axes=top.subplots(2, 1))
    explain.feature_maps(
        {
            title: tuple(
                _features(model, features, images)
                for images in (source, target)
            )
            for title, model in (
                ("features, trained on the source alone", before),
                ("features, adapted", after),
            )
        },
        axes=bottom.subplots(1, 2),
    )
    path = folder / "domains.png"
    with _files.written_whole(path) as partial:
        figure.savefig(partial, dpi=110)
    return str(path)


def print_table(reporter, rows):
    """Prints the rows of the results under their keys."""
    headers = [key.replace("_", " ") for key in rows[0]]
    reporter.line()
    reporter.table(headers, [row.values() for row in rows])
    reporter.line()


def print_paths(reporter, report):
    """Says where everything is."""
    for key in ("model", "saved_model", "picture", "results"):
        reporter.line(f"{key.replace('_', ' '):12s} {report[key]}")
    reporter.line()
    output.report_hint(reporter, pathlib.Path(report["results"]).parent)


def _describe(method, term):
    """Name and class of what a method resolved to."""
    if term is None:
        return f"{method}: no alignment"
    summary = type(term).__doc__.splitlines()[0].split(" (")[0].rstrip(".")
    return f"{method}: {type(term).__name__}, {summary}"


def _trainer(model, term, settings):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    trainer = adaptation.DomainAdaptation(
        copy,
        alignment=term,
        features=settings.features,
        batch_norm=settings.batch_norm,
    )
    trainer.compile(
        keras.optimizers.Adam(settings.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # Compiling takes longer than XLA saves in so short a training.
        jit_compile=False,
    )
    return trainer


def _train(method, trainer, task, settings, log):
    keras.utils.set_random_seed(settings.seed)
    began = time.perf_counter()
    trainer.fit(
        task.pairs,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[log, EpochBar(f"{method:12s}", settings.verbose)],
    )
    seconds = time.perf_counter() - began
    images, labels = task.source_test
    of_source = probabilities(trainer.model, images)
    of_target = probabilities(trainer.model, task.target)
    diverged = not (np.isfinite(of_source).all() & np.isfinite(of_target).all())
    result = Result(
        method=method,
        model=trainer.model,
        seconds=seconds,
        source_accuracy=scores.accuracy(of_source, labels),
        score=LOWEST_SCORE
        if diverged
        else selection.information_minus_risk(of_target, of_source, labels),
        log=log,
    )
    _record(result, task, settings)
    return result


def _record(result, task, settings):
    """Adds to the run folder what the report shows."""
    figures = {"source_test": result.source_accuracy, SCORE: result.score}
    result.log.record(**figures)
    explain.record_evidence(
        result.log.folder,
        result.model,
        task.source_test,
        task.target if task.target_test is None else task.target_test,
        features=settings.features,
        class_names=task.class_names,
        images=run_logs.NUM_PICTURED,
        seed=settings.seed,
    )


def _features(model, names, images):
    tap = feature_tap.tap(model, names)
    features, _ = tap(keras.ops.convert_to_tensor(images), training=False)
    return np.concatenate(
        [keras.ops.convert_to_numpy(tensor) for tensor in features], axis=1
    )
