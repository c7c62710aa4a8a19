"""Archives that a user places by hand."""

import dataclasses
import hashlib
import pathlib

from tqdm import tqdm

#: Bytes that are read at a time, and those that a progress bar is for.
_BLOCK = 2**20
_LARGE = 100 * _BLOCK


@dataclasses.dataclass(frozen=True)
class Archive:
    """A file that is not downloaded for the user.

    Attributes:
        path: Its path in TFDS' folder of files placed by hand.
        page: Where it is got from.
        md5: Its checksum as others publish it, or `None` if none could be
            confirmed.
    """

    path: str
    page: str
    md5: str | None = None

    def check(self, folder, verbose=1):
        """Finds the file and compares its checksum.

        That is the `md5` above, and the one in `NAME.sha256` beside the file,
        if the user gives one.

        Args:
            folder: Where the file should be.
            verbose: 0 for no progress bar.

        Returns:
            The path.

        Raises:
            FileNotFoundError: If it is not there.
            ValueError: If a checksum differs.

        Example:

        >>> import pathlib
        >>> from keras_transfer.data.builders.archive import Archive
        >>> _ = pathlib.Path("a.zip").write_text("content")
        >>> Archive("a.zip", "https://example.org").check(".").name
        'a.zip'
        """
        path = pathlib.Path(folder) / self.path
        if not path.is_file():
            raise FileNotFoundError(
                f"No file {path.name}. Get it from {self.page} and put it at "
                f"{path.absolute()}; nothing is downloaded for you."
            )
        if self.md5 is not None:
            _compare(path, "md5", self.md5, self.page, verbose)
        beside = path.with_name(f"{path.name}.sha256")
        if beside.is_file():
            words = beside.read_text("utf-8").split()
            if not words:
                raise ValueError(
                    f"{beside} is empty. Expected a line as `sha256sum` "
                    "writes it."
                )
            _compare(path, "sha256", words[0].lower(), beside, verbose)
        return path


def instructions(archives):
    """What TFDS tells a user about files that are placed by hand.

    Args:
        archives: List of `Archive`.

    Returns:
        A text.

    Example:

    >>> from keras_transfer.data.builders.archive import Archive
    >>> from keras_transfer.data.builders.archive import instructions
    >>> print(instructions([Archive("a.zip", "https://example.org")]))
    Put into the folder of files that are placed by hand:
    a.zip from https://example.org
    """
    lines = [f"{archive.path} from {archive.page}" for archive in archives]
    return "\n".join(
        ["Put into the folder of files that are placed by hand:", *lines]
    )


def _compare(path, kind, expected, origin, verbose):
    digest = hashlib.new(kind)
    size = path.stat().st_size
    with (
        path.open("rb") as file,
        tqdm(
            total=size,
            desc=f"Checking {path.name}",
            unit="B",
            unit_scale=True,
            disable=not verbose or size < _LARGE,
        ) as bar,
    ):
        while block := file.read(_BLOCK):
            digest.update(block)
            bar.update(len(block))
    if digest.hexdigest() != expected:
        raise ValueError(
            f"{path} is not the expected file: its {kind} is "
            f"{digest.hexdigest()}, {origin} has {expected}. Get it again."
        )
