"""The benchmarks that `load` knows by name."""

import dataclasses
from collections.abc import Callable

from keras_transfer._public import unknown_name
from keras_transfer.data import npz_files

_DIGITS = tuple("0123456789")

OFFICE_CALTECH_CLASSES = (
    "backpack",
    "bike",
    "calculator",
    "headphones",
    "keyboard",
    "laptop",
    "monitor",
    "mouse",
    "mug",
    "projector",
)

#: What the names of our own TFDS builders begin with.
OWN = "keras_transfer_"


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """Where a domain comes from.

    Attributes:
        tfds: Name of the TFDS builder and its config.
        splits: Names of the parts, the same in both sources.
        files: Names of its `.npz` files, or none.
        more_files: Names of files that may be there too.
        read: Function of `(paths, split)` to `(x, y)`.
        class_names: Names of the classes of the files by label.
        read_names: Function of the first path to the names, instead.
        convert: Function of the `x` that TFDS gives, or `None`.
    """

    tfds: str
    splits: tuple = ("train", "test")
    files: tuple = ()
    more_files: tuple = ()
    read: Callable = npz_files.image_parts
    class_names: tuple | None = None
    read_names: Callable | None = None
    convert: Callable | None = None

    @property
    def is_own(self):
        """Whether the TFDS builder is one of this package."""
        return self.tfds.startswith(OWN)


def _digits(tfds, file, splits=("train", "test"), **more):
    return Benchmark(
        tfds, splits, (file,) if file else (), class_names=_DIGITS, **more
    )


def _domains(name, domains, tfds=None, **settings):
    """One entry for each domain of a benchmark."""
    file = settings.pop("file", None)
    return {
        f"{name}/{domain}": Benchmark(
            f"{tfds or OWN + name}/{domain}",
            files=(f"{file}_{domain}.npz",) if file else (),
            **settings,
        )
        for domain in domains
    }


def _ink_is_bright(images):
    """Omniglot of TFDS, black on white and RGB, as bright ink of 1 channel."""
    return 255 - images[..., :1]


_OFFICE_CALTECH_DOMAINS = ("amazon", "caltech", "dslr", "webcam")

BENCHMARKS = {
    "mnist": _digits(
        "mnist", "digits_mnist.npz", more_files=("digits_mnist_rest.npz",)
    ),
    "usps": _digits(f"{OWN}usps", "digits_usps.npz"),
    "svhn": _digits("svhn_cropped", None, ("train", "test", "extra")),
    "mnist_m": _digits(f"{OWN}mnist_m", "digits_mnistm.npz"),
    "omniglot": Benchmark(
        "omniglot",
        files=("omniglot_background.npz",),
        read=npz_files.drawings,
        read_names=npz_files.drawing_names,
        convert=_ink_is_bright,
    ),
    **_domains("office31", ("amazon", "dslr", "webcam"), splits=("train",)),
    **_domains(
        "office_home",
        ("art", "clipart", "product", "real_world"),
        splits=("train",),
    ),
    **_domains(
        "domainnet",
        ("clipart", "infograph", "painting", "quickdraw", "real", "sketch"),
        tfds="domainnet",
    ),
    **_domains("visda", ("train", "validation"), splits=("train",)),
    **_domains(
        "amazon_reviews",
        ("books", "dvd", "electronics", "kitchen"),
        file="amazon_reviews",
        read=npz_files.sparse_rows,
        class_names=("negative", "positive"),
    ),
    **_domains(
        "office_caltech_surf",
        _OFFICE_CALTECH_DOMAINS,
        splits=("train",),
        file="office_caltech_surf",
        read=npz_files.feature_rows,
        class_names=OFFICE_CALTECH_CLASSES,
    ),
    **_domains(
        "office_caltech_googlenet",
        _OFFICE_CALTECH_DOMAINS,
        splits=("train",),
        file="office_caltech_googlenet",
        read=npz_files.feature_rows,
        class_names=OFFICE_CALTECH_CLASSES,
    ),
}


def find_benchmark(name):
    """The entry of a name.

    Args:
        name: Name of a benchmark, with its domain behind a slash.

    Returns:
        A `Benchmark`.

    Raises:
        ValueError: If the name is unknown, with the known ones.

    Example:

    >>> from keras_transfer.data.benchmarks import find_benchmark
    >>> find_benchmark("svhn").splits
    ('train', 'test', 'extra')
    """
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    domains = [known for known in BENCHMARKS if known.startswith(f"{name}/")]
    raise unknown_name("name", name, domains or BENCHMARKS)
