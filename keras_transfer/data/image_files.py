"""Image files on disk: finding, checking and decoding them."""

import os
import warnings

import tensorflow as tf
from tqdm import tqdm

#: Last bytes of a whole file, by Pillow's name of the format.
ENDINGS = {
    "JPEG": b"\xff\xd9",
    "MPO": b"\xff\xd9",
    "PNG": b"IEND\xaeB`\x82",
}
#: Bad files that a message names; the others are only counted.
MOST_NAMED = 10
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def below(folder):
    """Paths of the images below a folder, at any depth.

    Hidden files and folders are left out. Links are followed, but no folder
    is visited twice.

    Args:
        folder: Path of an existing folder.

    Returns:
        A sorted list of strings that begin with `folder`.

    Raises:
        ValueError: If there is no file that is named as an image.
        OSError: If a folder cannot be read.
    """
    images, others, visited = [], [], set()
    for root, folders, files in os.walk(
        folder, onerror=_stop, followlinks=True
    ):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        if os.path.realpath(root) in visited:
            folders.clear()
            continue
        visited.add(os.path.realpath(root))
        for name in files:
            if name[0] != ".":
                is_image = name.lower().endswith(SUFFIXES)
                kind = images if is_image else others
                kind.append(os.path.join(root, name))
    if not images:
        raise ValueError(
            f"No images in the folder {str(folder)!r}. Expected files that "
            f"end in {', '.join(SUFFIXES)}. Received: {len(others)} other "
            f"files{f', as {min(others)!r}' if others else ''}."
        )
    return sorted(images, key=lambda path: path.replace(os.sep, "/"))


def usable(folders, on_corrupt="error", verbose=1):
    """Refuses or leaves out the files that cannot be decoded.

    Args:
        folders: Dict from the path of a folder to the paths of its images.
        on_corrupt: `"error"`, or `"skip"` to leave such files out with a
            warning.
        verbose: 0 for no progress bar with more than 1,000 files.

    Returns:
        `(kept, skipped)`: the list of the folders' lists without the bad
        paths, and the list of these.

    Raises:
        ValueError: With the names of the bad files, or if a folder would lose
            all its images.
    """
    paths = [path for group in folders.values() for path in group]
    silent = not verbose or len(paths) <= 1000
    progress = tqdm(paths, "Checking images", unit=" files", disable=silent)
    bad = {path: fault for path in progress if (fault := _fault(path))}
    if bad and on_corrupt == "error":
        raise ValueError(
            f"{len(bad)} of {len(paths)} image files cannot be used: "
            f"{_listing(bad)}. Convert, repair or remove such files, or leave "
            "them out with on_corrupt='skip'."
        )
    kept = []
    for folder, group in folders.items():
        kept.append([path for path in group if path not in bad])
        if not kept[-1]:
            raise ValueError(
                f"None of the {len(group)} image files in {str(folder)!r} can "
                "be used, so that skipping would leave none: "
                f"{_listing({path: bad[path] for path in group})}. Repair "
                "some of them or remove the folder."
            )
    if bad:
        # Shown at the line that called `image_folder`.
        warnings.warn(
            f"Skipped {len(bad)} of {len(paths)} image files, which cannot be "
            f"used: {_listing(bad)}.",
            stacklevel=3,
        )
    return kept, list(bad)


def decode(path):
    """Decodes one file.

    Args:
        path: String, or a scalar tensor in a graph.

    Returns:
        uint8, `(height, width, channels)`, with 1 to 4 channels as the file
        has them; of a moving picture the first frame.
    """
    return tf.io.decode_image(tf.io.read_file(path), expand_animations=False)


def _stop(error):
    raise error


def _listing(bad):
    """Names bad files in one line: the first ten and the number of the rest.

    Args:
        bad: Dict from each path to what is wrong with it.

    Returns:
        A string, as `"'a.png' is no image; 'b.png' is damaged or cut off"`.
    """
    named = [f"{path!r} {fault}" for path, fault in bad.items()]
    if len(named) > MOST_NAMED:
        named[MOST_NAMED:] = [f"and {len(named) - MOST_NAMED} more"]
    return "; ".join(named)


def _fault(path):
    """What is wrong with a file, as the rest of a sentence, or `None`."""
    from PIL import Image

    try:
        path.encode("utf-8")
        with open(path, "rb") as file, Image.open(file) as image:
            kind, mode = image.format, image.mode
            looks_whole = _looks_whole(file, image)
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    except Image.DecompressionBombError:
        return "has too many pixels"
    except (OSError, SyntaxError, ValueError) as error:
        reason = getattr(error, "strerror", None)
        return f"cannot be opened ({reason})" if reason else "is no image"
    if kind not in (*ENDINGS, "BMP", "GIF"):
        return f"is a {kind} image whatever its name says"
    if kind == "BMP" and mode not in ("L", "RGB", "RGBA"):
        return "is a BMP image with a palette"
    # What looks unusual may still be whole: decoding decides.
    if not looks_whole:
        try:
            decode(path)
        except tf.errors.OpError:
            return "is damaged or cut off"
    return None


def _looks_whole(file, image):
    """Whether an open file needs no decoding to be known as whole.

    PNG is the format whose damage always stops the decoder; its checksums are
    a hundred times cheaper than decoding. GIF and BMP have no such signs.
    """
    file.seek(-8, os.SEEK_END)
    ending = file.read()
    if image.format == "PNG":
        try:
            image.verify()
        except (OSError, SyntaxError, ValueError):
            return False
    return image.format in ENDINGS and ending.endswith(ENDINGS[image.format])
