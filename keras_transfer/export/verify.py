"""Looks at a version folder of any origin as a server would."""

import re
import time
import zipfile

import keras
import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_transfer._public import invalid_argument
from keras_transfer.export import folder_checks
from keras_transfer.export import graph_checks
from keras_transfer.export import model_card
from keras_transfer.export import probes
from keras_transfer.export import samples
from keras_transfer.export import signatures
from keras_transfer.export import verification
from keras_transfer.export.check import Check
from keras_transfer.export.classifier import Classifier
from keras_transfer.export.report import Report
from keras_transfer.export.saved_model import CLASS_NAMES
from keras_transfer.export.served_model import ServedModel
from keras_transfer.export.versioning import version_folders

#: Rows of a signature of which none are kept. Among few rows one could answer
#: by chance as it does alone.
_RANDOM_ROWS = 8


def verify(folder, against=None, tolerance=None):
    """Verifies a version without Keras, and says what a server would not like.

    The folder is loaded as by TF Serving, through graph and session and
    through the C API, in processes of their own. Signatures are run on the
    rows that `export.save` has kept, or on random ones, alone and among
    others, and compared with what was kept or with a model.

    Args:
        folder: The version, as `served/flowers/1`; written by whatever tool.
        against: A Keras model, or the path of a `.keras` file without code
            in it, to compare the signature `predict` (or `serving_default`)
            with, output by output in order.
        tolerance: Largest difference that passes, relative to the largest
            number of an output; by default what the version was exported
            with, or 1e-5.

    Returns:
        A `Report`; its `passed` is False if anything failed.

    Raises:
        ValueError: If there is no SavedModel for serving in the folder, or
            `against` has other inputs or outputs.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     version = kt.export.save(model, folder)
    ...     kt.export.verify(version, against=model).passed
    True
    """
    began = time.perf_counter()
    # Absolute, as the folder "." has a name too.
    folder = version_folders.local_path("folder", folder)
    _check_is_version(folder)
    graph = graph_checks.read(folder)
    card = model_card.read(folder)
    if tolerance is None:
        tolerance = card.get("tolerance", 1e-5)
    kept, broken = _kept(folder)
    known = probes.signatures(folder)
    inputs, skipped = _inputs(known, kept)
    expected = {name: kept[name][1] for name in inputs if name in kept}
    if against is not None:
        name = _compared_signature(inputs)
        expected[name] = _answers(against, folder, known[name], inputs[name])
    requests, warmup_faults = folder_checks.warmup_requests(folder, known)
    trial = verification.try_out(
        folder,
        inputs,
        expected,
        tolerance=tolerance,
        same_class=card.get("precision", "float32") == "float32",
        others={"graph_session": requests or []},
        fixed=[name for name in inputs if _fixed_batch(known[name])],
    )
    checks = [
        *folder_checks.check(folder),
        *graph_checks.check(graph),
        folder_checks.check_class_names(folder, graph),
        folder_checks.check_batching(folder),
        *broken,
        *skipped,
        *warmup_faults,
        *trial.checks,
        *folder_checks.check_warmup(
            requests, trial.others.get("graph_session")
        ),
    ]
    seconds = time.perf_counter() - began
    return Report(folder, checks, trial.differences, seconds)


def _check_is_version(folder):
    if (folder / "saved_model.pb").is_file():
        return
    hint = None
    versions = version_folders.find(folder) if folder.is_dir() else {}
    if versions:
        newest = max(versions)
        hint = f"Give one of its versions, as {str(versions[newest])!r}."
    raise invalid_argument(
        "folder",
        str(folder),
        "the folder of a version, with saved_model.pb in it",
        hint,
    )


def _kept(folder):
    """The rows that `export.save` has kept, and checks if they are broken."""
    try:
        return samples.read(folder), []
    except (ValueError, OSError, zipfile.BadZipFile, DecodeError) as error:
        text = f"{samples.FOLDER} cannot be read ({error}): export again"
        return {}, [Check("kept rows", "fail", text)]


def _inputs(known, kept):
    """Rows for each signature, and checks for those that get none."""
    inputs, checks = {}, []
    for name, signature in known.items():
        if name in kept:
            inputs[name] = kept[name][0]
        elif name == "serving_default" and kept:
            continue  # one of the others, by this name too
        elif not signature.inputs or not all(
            map(_can_be_made, signature.inputs.values())
        ):
            text = "not run: it takes no tensors with a row for each answer"
            checks.append(Check(name, "warn", text))
        else:
            rows = _fixed_batch(signature) or _RANDOM_ROWS
            inputs[name] = samples.for_signature(signature.inputs, rows)
    return inputs, checks


def _can_be_made(info):
    """Whether random rows can be made for an input."""
    if not info.name or not info.shape:
        return False  # of several tensors, of free rank, or a scalar
    dtype = tf.dtypes.as_dtype(info.dtype)
    is_number = dtype.is_floating or dtype.is_integer or dtype.is_bool
    return is_number or dtype == tf.string


def _fixed_batch(signature):
    """The number of rows that a signature takes; `None` for any."""
    sizes = [info.shape[0] for info in signature.inputs.values() if info.shape]
    return next((size for size in sizes if size), None)


def _compared_signature(inputs):
    for name in ("predict", "serving_default", *inputs):
        if name in inputs:
            return name
    raise ValueError(
        "There is no signature that a model could be compared with."
    )


def _answers(model, folder, signature, rows):
    """What a Keras model answers, under the names of the signature."""
    if not isinstance(model, keras.Model):
        model = keras.saving.load_model(model, compile=False)
    served = ServedModel(model)
    if len(rows) == len(served.input_specs) == 1:
        # A single input has the name that another tool gave it.
        rows = dict(zip(served.input_specs, rows.values(), strict=True))
    if set(rows) != set(served.input_specs):
        raise invalid_argument(
            "against",
            served.model.name,
            f"a model with the inputs {sorted(rows)}",
            f"This one has {sorted(served.input_specs)}.",
        )
    _check_shapes(rows, served)
    settings = signatures.Settings(
        classifier=_classifier(folder, served, signature),
        mask="valid" in signature.outputs,
    )
    answers = signatures.make("predict", served, settings).reference(rows)
    if set(answers) == set(signature.outputs):
        return answers
    if len(answers) != len(signature.outputs):
        raise invalid_argument(
            "against",
            served.model.name,
            f"a model with the outputs {sorted(signature.outputs)}",
            f"This one has {sorted(answers)}.",
        )
    # Another tool's names, as Keras' own "output_0": told by their order.
    names = sorted(signature.outputs, key=_by_number)
    return dict(zip(names, answers.values(), strict=True))


def _check_shapes(rows, served):
    for name, spec in served.input_specs.items():
        if not spec.shape.is_compatible_with(rows[name].shape):
            raise invalid_argument(
                "against",
                served.model.name,
                f"a model that takes {name!r} of shape {rows[name].shape}",
                f"This one takes {tuple(spec.shape)}.",
            )


def _by_number(name):
    """Sorts output_2 before output_10."""
    return [
        int(part) if part.isdigit() else part
        for part in re.split("([0-9]+)", name)
    ]


def _classifier(folder, served, signature):
    names = folder / CLASS_NAMES
    if "scores" not in signature.outputs or not names.is_file():
        return None
    try:
        return Classifier(
            served.only_output("Class names"),
            names.read_text("utf-8").splitlines(),
            model_card.read(folder).get("activation", "auto"),
        )
    except ValueError as error:
        raise invalid_argument(
            "against",
            served.model.name,
            f"a model for the class names in {CLASS_NAMES}",
            str(error),
        ) from error
