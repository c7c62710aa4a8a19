"""Image files of many kinds, made by hand where no encoder would."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def pixels(height=9, width=13, channels=3, seed=0):
    """Smooth random pixels, which JPEG keeps."""
    generator = np.random.default_rng(seed)
    small = generator.integers(0, 256, (3, 4, channels)).astype("uint8")
    images = [
        Image.fromarray(small[..., channel]).resize((width, height))
        for channel in range(channels)
    ]
    return np.stack([np.asarray(image) for image in images], axis=-1)


def encoded(image, kind="PNG", **options):
    """Bytes of a file, from an array or an `Image`."""
    if isinstance(image, np.ndarray):
        image = image[..., 0] if image.shape[-1] == 1 else image
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_of_size(width, height):
    """A whole PNG file whose header says a size, with next to no pixels."""

    def chunk(kind, contents):
        checksum = zlib.crc32(kind + contents)
        return (
            struct.pack(">I", len(contents))
            + kind
            + contents
            + struct.pack(">I", checksum)
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


def jpeg_of_size(width, height):
    """A JPEG file whose header says a size."""
    contents = bytearray(encoded(pixels(), "JPEG"))
    at = contents.index(b"\xff\xc0") + 5  # behind marker, length, precision
    contents[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(contents)


def png_16_bit():
    """A grey PNG of 16 bits, whose low bytes differ."""
    values = np.linspace(0, 65535, 9 * 13).reshape(9, 13).astype("uint16")
    return encoded(Image.fromarray(values))


def images():
    """Dict from words to good files of what JPEG and PNG can hold."""
    color, grey = pixels(), pixels(channels=1)
    picture = Image.fromarray(color)
    see_through = Image.fromarray(pixels(channels=4))
    return {
        "png": encoded(color),
        "png of one pixel": encoded(color[:1, :1]),
        "large png": encoded(pixels(70, 40)),
        "grey png": encoded(grey),
        "bits png": encoded(picture.convert("1")),
        "16-bit png": png_16_bit(),
        "palette png": encoded(picture.quantize(7)),
        "clear palette png": encoded(picture.quantize(7), transparency=2),
        "png with alpha": encoded(see_through),
        "grey png with alpha": encoded(see_through.convert("LA")),
        "jpeg": encoded(color, "JPEG"),
        "large jpeg": encoded(pixels(50, 90), "JPEG", quality=60),
        "grey jpeg": encoded(grey, "JPEG"),
        "progressive jpeg": encoded(color, "JPEG", progressive=True),
        "CMYK jpeg": encoded(picture.convert("CMYK"), "JPEG"),
        "4:4:4 jpeg": encoded(color, "JPEG", subsampling=0),
        "rotated jpeg": encoded(color, "JPEG", exif=b"Exif\0\0" + _rotated()),
        "jpeg with a tail": encoded(color, "JPEG") + b"\0" * 40,
    }


def _rotated():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes().removeprefix(b"Exif\0\0")


def damaged():
    """Dict from words to files that must not be answered."""
    color = pixels(40, 40)
    png, jpeg = encoded(color), encoded(color, "JPEG")
    broken = bytearray(png)
    broken[len(png) // 2] ^= 255
    return {
        "nothing": b"",
        "one byte": b"\x89",
        "text": b"<html>not found</html>",
        "gif": encoded(Image.fromarray(color).quantize(8), "GIF"),
        "bmp": encoded(color, "BMP"),
        "webp": encoded(color, "WEBP"),
        "tiff": encoded(color, "TIFF"),
        "only the first bytes of png": png[:8],
        "only the first bytes of jpeg": jpeg[:3],
        "png cut in its header": png[:30],
        "png cut off": png[: len(png) // 2],
        "jpeg cut in its header": jpeg[:40],
        "jpeg cut off": jpeg[: len(jpeg) // 2],
        "png with a wrong checksum": bytes(broken),
        "png without width": png_of_size(0, 5),
        "png without height": png_of_size(5, 0),
        "jpeg without width": jpeg_of_size(0, 5),
        "huge png": png_of_size(12_000, 12_000),
        "png with the largest sides": png_of_size(2**32 - 1, 2**32 - 1),
        "png with one large side": png_of_size(2**31 - 1, 1),
        "huge jpeg": jpeg_of_size(65_000, 65_000),
    }
