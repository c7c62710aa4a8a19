"""Small image files of two classes: bright strokes, lying and standing."""

import numpy as np
from PIL import Image


def write(root, number=40, seed=0):
    """Writes 28 x 28 images to `root/lying` and `root/standing`."""
    generator = np.random.default_rng(seed)
    for index in range(number):
        pixels = generator.integers(0, 30, (28, 28)).astype("uint8")
        start, end = sorted(generator.choice(np.arange(4, 24), 2, False))
        pixels[13:16, start : end + 1] = 255
        path = root / ("standing" if index % 2 else "lying") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.T if index % 2 else pixels).save(path)
    return root
