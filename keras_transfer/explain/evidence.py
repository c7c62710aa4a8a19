"""What a report draws of a trained model: the file `evidence.npz`."""

import dataclasses
import pathlib
import zipfile

import numpy as np

from keras_transfer import _files
from keras_transfer.callbacks import run_folder

#: Of the file; a reader passes over what is newer than it knows.
SCHEMA = 1

DOMAINS = ("source", "target")


@dataclasses.dataclass(frozen=True)
class DomainEvidence:
    """Rows of one domain and what the model makes of them.

    Attributes:
        probabilities: Float32 `(rows, num_classes)`, or `None`.
        labels: Class numbers `(rows,)`, or `None` where there are none.
        features: Float32 `(some, width)`, or `None`.
        feature_rows: Which of the rows they are of, `(some,)`.
        images: uint8 `(few, height, width, 1 or 3)`, or `None`.
        image_rows: Which of the rows they are, `(few,)`.
        maps: Float32 `(few, height, width)` in 0..1, where the model looked,
            or `None`.
    """

    probabilities: np.ndarray | None = None
    labels: np.ndarray | None = None
    features: np.ndarray | None = None
    feature_rows: np.ndarray | None = None
    images: np.ndarray | None = None
    image_rows: np.ndarray | None = None
    maps: np.ndarray | None = None

    @property
    def rows(self):
        """Number of rows."""
        known = (self.probabilities, self.labels, self.feature_rows)
        return next((len(found) for found in known if found is not None), 0)

    @property
    def feature_labels(self):
        """Class numbers of the rows with features, or `None`."""
        return None if self.labels is None else self.labels[self.feature_rows]

    @property
    def accuracy(self):
        """Share of rows whose most probable class is right, or `None`."""
        if self.labels is None or self.probabilities is None:
            return None
        return float((self.probabilities.argmax(1) == self.labels).mean())


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Both domains of a run.

    Attributes:
        source: `DomainEvidence` of the source; empty where there is none.
        target: Likewise of the target.
        class_names: Tuple of strings, or `None`.
        notes: Sentences on what is missing, and why.
    """

    source: DomainEvidence
    target: DomainEvidence
    class_names: tuple | None = None
    notes: tuple = ()

    def word(self, domain):
        """What the rows of a domain are called: with one domain, held out."""
        return domain if self.source.rows else "held-out rows"


def write(folder, evidence):
    """Writes the file whole; returns its path."""
    arrays = {"schema": np.array(SCHEMA)}
    for domain in DOMAINS:
        for field, value in vars(getattr(evidence, domain)).items():
            if value is not None:
                arrays[f"{domain}_{field}"] = value
    # As text of fixed width: a file without pickles.
    if evidence.class_names is not None:
        arrays["class_names"] = np.array(evidence.class_names, "str")
    arrays["notes"] = np.array(evidence.notes, "str")
    path = pathlib.Path(folder, run_folder.EVIDENCE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _files.written_whole(path) as partial:
        np.savez_compressed(partial, **arrays)
    return path


def read(folder):
    """Reads the file of a run folder.

    Returns:
        An `Evidence`; `None` where there is no such file, or one of a newer
        version.

    Raises:
        ValueError: If the file cannot be read.
    """
    path = pathlib.Path(folder, run_folder.EVIDENCE)
    try:
        # Opened here: NumPy leaves a file open that it cannot read.
        with open(path, "rb") as opened, np.load(opened) as file:
            arrays = dict(file)
        if int(arrays["schema"]) > SCHEMA:
            return None
        names = arrays.get("class_names")
        return Evidence(
            *(_domain(arrays, domain) for domain in DOMAINS),
            class_names=None if names is None else tuple(map(str, names)),
            notes=tuple(map(str, arrays["notes"])),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is not what record_evidence writes ({error}). Remove the "
            "file, or record it again."
        ) from error


def _domain(arrays, domain):
    names = [field.name for field in dataclasses.fields(DomainEvidence)]
    return DomainEvidence(**{n: arrays.get(f"{domain}_{n}") for n in names})
