"""Image files on disk: finding, checking and decoding them."""

import os

import tensorflow as tf
from tqdm import tqdm

#: Last bytes of a whole file, by Pillow's name of the format.
ENDINGS = {
    "GIF": b";",
    "JPEG": b"\xff\xd9",
    "MPO": b"\xff\xd9",
    "PNG": b"IEND\xaeB`\x82",
}
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


def check(paths, verbose=1):
    """Refuses files that cannot be decoded.

    Args:
        paths: Strings.
        verbose: 0 for no progress bar with more than 1,000 files.

    Raises:
        ValueError: With the first bad file and the number of them.
    """
    silent = not verbose or len(paths) <= 1000
    progress = tqdm(paths, "Checking images", unit=" files", disable=silent)
    bad = [(path, fault) for path in progress if (fault := _fault(path))]
    if bad:
        raise ValueError(
            f"{len(bad)} of {len(paths)} image files cannot be used. The "
            f"first: {bad[0][0]!r} {bad[0][1]}. Convert, repair or remove "
            "such files."
        )


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


def _fault(path):
    """What is wrong with a file, as the rest of a sentence, or `None`."""
    from PIL import Image

    try:
        path.encode("utf-8")
        with open(path, "rb") as file, Image.open(file) as image:
            kind, mode = image.format, image.mode
            file.seek(-8, os.SEEK_END)
            ending = file.read()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    except Image.DecompressionBombError:
        return "has too many pixels"
    except (OSError, SyntaxError, ValueError) as error:
        reason = getattr(error, "strerror", None)
        return f"cannot be opened ({reason})" if reason else "is no image"
    if kind not in (*ENDINGS, "BMP"):
        return f"is a {kind} image whatever its name says"
    if kind == "BMP" and mode not in ("L", "RGB", "RGBA"):
        return "is a BMP image with a palette"
    # Some whole files have something behind their end: decoding decides.
    if kind == "BMP" or not ending.endswith(ENDINGS[kind]):
        try:
            decode(path)
        except tf.errors.OpError:
            return "is damaged or cut off"
    return None
