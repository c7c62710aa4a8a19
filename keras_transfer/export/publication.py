"""From signatures to a published version: written, tried out, renamed."""

import contextlib
import dataclasses
import pathlib
import re
import shutil
import tempfile
import time

import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.export import bad_inputs
from keras_transfer.export import batching as batching_files
from keras_transfer.export import model_card
from keras_transfer.export import samples as sample_rows
from keras_transfer.export import saved_model
from keras_transfer.export import tpu
from keras_transfer.export import verification
from keras_transfer.export import warmup
from keras_transfer.export.report import Report
from keras_transfer.export.verification_error import VerificationError
from keras_transfer.export.versioning import version_folders

#: What goes wrong with files: Python's errors, and TensorFlow's for a full
#: disk, a closed folder, and a device that fails.
_FILE_ERRORS = (
    OSError,
    tf.errors.ResourceExhaustedError,
    tf.errors.PermissionDeniedError,
    tf.errors.NotFoundError,
    tf.errors.OutOfRangeError,
    tf.errors.UnavailableError,
    tf.errors.DataLossError,
    tf.errors.UnknownError,
)


def publish(
    folder,
    served,
    signatures,
    inputs,
    *,
    default,
    facts,
    class_names=None,
    tolerance=1e-5,
    same_class=True,
    batching=None,
    tpu_batch_sizes=(),
):
    """Writes a version in a hidden folder, tries it out and renames it.

    Args:
        folder: Base folder of the served model.
        served: The `ServedModel`.
        signatures: Dict from name to `Signature`.
        inputs: Dict from name to a dict of arrays, to try it with.
        default: Name of the signature that is `serving_default` too.
        facts: Dict for the model card.
        class_names: List of strings, or `None`.
        tolerance: Largest difference to the references that is accepted.
        same_class: Whether the best class must be the same in every row.
        batching: Most rows of a batch, or `None` for no batching file.
        tpu_batch_sizes: Batch sizes for a TPU, empty for no graph for it.

    Returns:
        A `Report`.

    Raises:
        ValueError: If the facts cannot be written as JSON.
        VerificationError: If a check fails; nothing is published then.
        OSError: If the folder cannot be written.
    """
    began = time.perf_counter()
    facts = model_card.storable({**facts, "tolerance": tolerance})
    expected = {n: s.reference(inputs[n]) for n, s in signatures.items()}
    folder = pathlib.Path(folder)
    with _hidden(folder) as version:
        saved_model.write(
            version, served.model, signatures, default, class_names
        )
        for name in signatures:
            sample_rows.write(version, name, inputs[name], expected[name])
        if batching is not None:
            batching_files.write(version, batching)
        checks = warmup.write(version, inputs)
        checks += tpu.add(version, signatures, tpu_batch_sizes)
        more, differences = _try_out(
            version, signatures, inputs, expected, tolerance, same_class
        )
        # The base folder: the version itself is gone if it failed.
        seconds = time.perf_counter() - began
        report = Report(folder, checks + more, differences, seconds)
        if not report.passed:
            raise VerificationError(report)
        model_card.write(version, served, signatures, report, facts)
        _make_readable(version)
        path = _rename(version, folder)
    seconds = time.perf_counter() - began
    return dataclasses.replace(report, path=path, seconds=seconds)


def check_base(folder):
    """Refuses what cannot be the base folder of a served model.

    Raises:
        ValueError: For a URL, or a folder that is a version itself.
    """
    path = version_folders.local_path("folder", folder)
    if (path / "saved_model.pb").exists():
        raise invalid_argument(
            "folder",
            str(folder),
            "a base folder, to which versions are added",
            "This one is a version itself: give the folder above.",
        )


def _try_out(version, signatures, inputs, expected, tolerance, same_class):
    bad = bad_inputs.requests(signatures, inputs)
    trial = verification.try_out(
        version,
        inputs,
        expected,
        tolerance=tolerance,
        same_class=same_class,
        others={"c_api": [request[:2] for request in bad]},
    )
    checks = list(trial.checks)
    if "c_api" in trial.others:
        checks += bad_inputs.check(bad, trial.others["c_api"])
    return checks, trial.differences


@contextlib.contextmanager
def _hidden(folder):
    """A folder to write into, which is gone in the end whatever happens."""
    hidden = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        hidden = pathlib.Path(tempfile.mkdtemp(prefix=".partial_", dir=folder))
        yield hidden / "version"
    except _FILE_ERRORS as error:
        raise OSError(
            f"The export to {str(folder)!r} could not be written, and nothing "
            f"was published: {error}. Make room on the disk or allow to write "
            "there, and export again."
        ) from error
    finally:
        if hidden is not None:
            shutil.rmtree(hidden, ignore_errors=True)


def _rename(version, folder):
    """Takes the next free number; another export may take it first."""
    while True:
        target = folder / str(_last_version(folder) + 1)
        try:
            version.rename(target)
        except OSError:
            if not target.exists():
                raise
        else:
            return target


def _last_version(folder):
    # Whatever has the name of a version counts, as no name is used twice.
    names = (path.name for path in folder.iterdir())
    numbers = [int(name) for name in names if re.fullmatch("[0-9]+", name)]
    return max(numbers, default=0)


def _make_readable(version):
    """A server often runs under another user."""
    version.chmod(0o755)
    for path in version.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
