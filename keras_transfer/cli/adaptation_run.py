"""Trains several methods from one model and keeps the best, without labels.

What `quickstart` and `adapt` share.
"""

import time
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
from tqdm import tqdm

from keras_transfer import adaptation
from keras_transfer import alignment
from keras_transfer import explain
from keras_transfer import export
from keras_transfer import selection
from keras_transfer.adaptation import feature_tap
from keras_transfer.cli import output

SCORE = "information_minus_risk"
SOURCE_ONLY = "source_only"


class Task(NamedTuple):
    """The data of a run; none of it holds a target label.

    Attributes:
        pairs: Dataset of pairs for `DomainAdaptation.fit`.
        source_test: `(images, labels)` that are not trained on.
        target: Images, or a dataset of batches of them.
    """

    pairs: Any
    source_test: tuple
    target: Any


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
    """A trained model with what is known of it without target labels."""

    method: str
    model: keras.Model
    seconds: float
    source_accuracy: float
    score: float

    def row(self):
        """The result as a dict for the table and the JSON object."""
        return {
            "method": self.method,
            "source_test": self.source_accuracy,
            SCORE: self.score,
            "seconds": round(self.seconds, 1),
        }


def describe(method):
    """Name and class of what a method resolved to."""
    if method == SOURCE_ONLY:
        return "source_only: no alignment"
    term = alignment.get(method)
    summary = type(term).__doc__.splitlines()[0].split(" (")[0].rstrip(".")
    return f"{method}: {type(term).__name__}, {summary.lower()}"


def train(method, term, model, task, settings):
    """Trains a copy of a model with one method.

    Args:
        method: Name for the table.
        term: Alignment term, or `None` for the source alone.
        model: The model to start from; it stays as it is.
        task: A `Task`.
        settings: `Settings`.

    Returns:
        A `Result`.
    """
    keras.utils.set_random_seed(settings.seed)
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
    began = time.perf_counter()
    trainer.fit(
        task.pairs,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[_EpochBar(method, settings)],
    )
    seconds = time.perf_counter() - began
    images, labels = task.source_test
    of_source = probabilities(copy, images)
    return Result(
        method=method,
        model=copy,
        seconds=seconds,
        source_accuracy=accuracy(of_source, labels),
        score=selection.information_minus_risk(
            probabilities(copy, task.target), of_source, labels
        ),
    )


def best(results):
    """The adapted model with the highest score, which reads no target label."""
    return max(results, key=lambda result: result.score)


def probabilities(model, images):
    """Class probabilities of a model that returns logits."""
    sizes = {"batch_size": 256} if isinstance(images, np.ndarray) else {}
    logits = model.predict(images, verbose=0, **sizes)
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def accuracy(probabilities, labels):
    """Share of rows whose most probable class is right."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def save_model(model, folder, name):
    """Writes the `.keras` file and the SavedModel; returns their paths."""
    file = folder / "model.keras"
    partial = folder / ".partial_model.keras"
    model.save(partial)
    partial.replace(file)
    version = export.save(model, folder / "served" / name)
    return {"model": str(file), "saved_model": str(version)}


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
    partial = folder / ".partial_domains.png"
    figure.savefig(partial, dpi=110)
    partial.replace(path)
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


def save_results(folder, results):
    """Writes `results.json`; returns its path."""
    path = folder / "results.json"
    output.write_json(path, results)
    return str(path)


def _features(model, names, images):
    tap = feature_tap.tap(model, names)
    features, _ = tap(keras.ops.convert_to_tensor(images), training=False)
    return np.concatenate(
        [keras.ops.convert_to_numpy(tensor) for tensor in features], axis=1
    )


class _EpochBar(keras.callbacks.Callback):
    """One line of progress for each method, on standard error."""

    def __init__(self, method, settings):
        super().__init__()
        self._bar = tqdm(
            total=settings.epochs,
            desc=f"{method:12s}",
            unit="epoch",
            disable=not settings.verbose,
        )

    def on_epoch_end(self, epoch, logs=None):
        self._bar.update()

    def on_train_end(self, logs=None):
        self._bar.close()
