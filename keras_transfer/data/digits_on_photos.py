"""A small real domain gap that needs no download: digits over photographs."""

from typing import NamedTuple

import numpy as np

SIZE = 28
#: Every target digit lies on this many patches.
PATCHES = 4


class DigitDomains(NamedTuple):
    """Images `(rows, 28, 28, 3)` uint8 and labels `(rows,)` int32.

    Attributes:
        source: `(x_train, y_train)`, digits on black.
        source_test: `(x_test, y_test)`, digits on black.
        target: Other digits over patches of photographs, without labels.
        target_test: `(x_test, y_test)` of the target, for the final figure
            only.
        target_test_digits: Uint8 `(rows, 28, 28)`, the ink of the digits of
            `target_test` before they were laid over photographs. Where it is
            is a mask, to see whether a model looks there.
    """

    source: tuple
    source_test: tuple
    target: np.ndarray
    target_test: tuple
    target_test_digits: np.ndarray


def digits_on_photos(seed=0):
    """Handwritten digits as source, digits blended over photos as target.

    The recipe of MNIST-M, on the data that come with scikit-learn: 1,797 real
    handwritten digits and two photographs. A target image is, per channel,

        |patch - digit|

    with four patches for each digit. No digit is in two of the four parts,
    and the target's test patches come from another region of the photographs
    than its training patches.

    Args:
        seed: Integer; decides the split and the patches.

    Returns:
        `DigitDomains`.

    Example:

    >>> from keras_transfer import data
    >>> domains = data.digits_on_photos()
    >>> domains.target.shape
    (2400, 28, 28, 3)

    Reference:

    - [Ganin et al., 2016, section 5.2.4](https://arxiv.org/abs/1505.07818)
      for the recipe.
    """
    from sklearn.datasets import load_digits
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(seed)
    digits = load_digits()
    order = rng.permutation(len(digits.target))
    images = _enlarge(digits.images[order])
    labels = digits.target[order].astype("int32")
    source, source_test, target, target_test = np.split(
        np.arange(len(labels)), [600, 800, 1400]
    )
    photos = load_sample_images().images
    upper = [photo[: 2 * len(photo) // 3] for photo in photos]
    lower = [photo[2 * len(photo) // 3 :] for photo in photos]
    test_digits = np.repeat(images[target_test], PATCHES, axis=0)
    return DigitDomains(
        source=(images[source], labels[source]),
        source_test=(images[source_test], labels[source_test]),
        target=_blend(np.repeat(images[target], PATCHES, axis=0), upper, rng),
        target_test=(
            _blend(test_digits, lower, rng),
            np.repeat(labels[target_test], PATCHES),
        ),
        target_test_digits=test_digits[..., 0],
    )


def _enlarge(digits):
    """`(rows, 8, 8)` with values 0..16 to `(rows, 28, 28, 3)` uint8."""
    from PIL import Image

    return np.stack(
        [
            Image.fromarray((digit * (255 / 16)).astype("uint8"))
            .resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            .convert("RGB")
            for digit in digits
        ]
    )


def _blend(digits, photos, rng):
    blended = np.empty_like(digits)
    for row, digit in enumerate(digits):
        photo = photos[rng.integers(len(photos))]
        top = rng.integers(photo.shape[0] - SIZE + 1)
        left = rng.integers(photo.shape[1] - SIZE + 1)
        patch = photo[top : top + SIZE, left : left + SIZE].astype("int16")
        blended[row] = np.abs(patch - digit).astype("uint8")
    return blended
