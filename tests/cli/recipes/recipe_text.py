"""Recipes as text, for tests to change."""

import pathlib
import tempfile

import keras
import numpy as np

from keras_transfer.cli.recipes import domains
from keras_transfer.cli.recipes.read_recipe import read_recipe

SHIPPED = pathlib.Path(__file__).parents[3] / "zoo" / "recipes"
SHARED = pathlib.Path(__file__).parents[4] / "shared" / "data"

ADAPTATION = """
seeds = [0, 1]

[recipe]
name = "digits"
description = "Digits over photographs."

[data]
source = "digits_on_photos/source"
target = "digits_on_photos/target"

[model]
network = "digits"

[method]
family = "adaptation"
alignment = "dann"
features = "features"

[budget]
epochs = 2
steps_per_epoch = 3
"""

FINETUNE = """
seeds = [0]

[recipe]
name = "digits"
description = "Ten labels of each digit."

[data]
target = "usps"
size = 28
per_class = 10

[model]
backbone = "omniglot_conv4"

[method]
family = "finetune"
strategy = "head"

[budget]
epochs = 2
batch_size = 20
learning_rate = 1e-2
"""

FEW_SHOT = """
seeds = [0]

[recipe]
name = "digits"
description = "Characters from one example."

[data]
source = "omniglot"
held_out = 0.25

[model]
network = "conv4"

[method]
family = "few_shot"
train_queries = 2
queries = 3
episodes = 4

[budget]
epochs = 2
steps_per_epoch = 3
"""

SUBSPACE = """
seeds = [0]

[recipe]
name = "digits"
description = "Features of two domains."

[data]
source = "office_caltech_surf/amazon"
target = "office_caltech_surf/caltech"
target_test = "train"

[method]
family = "subspace"
layer = "subspace_alignment"
dimensions = 2
scaling = ["divide_by_sum", "z_scores"]
"""


def write(folder, text, *changes):
    """Writes a recipe; returns the path of `digits.toml`.

    Args:
        folder: Where.
        text: The recipe.
        *changes: Pairs of a text that is in it and what takes its place.
    """
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    path = folder / "digits.toml"
    path.write_text(text, encoding="utf-8")
    return path


def write_data(folder):
    """Small files in the layouts of the benchmarks; returns the folder.

    USPS with 30 training images of each digit that differ in brightness,
    Omniglot with 24 characters, Office-Caltech with two domains of features.
    """
    rng = np.random.default_rng(0)
    y = np.tile(np.arange(10), 30).astype("int64")
    noise = rng.integers(0, 9, (len(y), 16, 16))
    x = (20 * y[:, None, None] + noise).astype("uint8")
    np.savez(
        folder / "digits_usps.npz",
        x_train=x,
        y_train=y,
        x_test=x[:50],
        y_test=y[:50],
    )
    # A character is a random pattern, its drawings have some pixels flipped.
    patterns = rng.random((24, 1, 28, 28)) < 0.5
    flips = rng.random((24, 20, 28, 28)) < 0.05
    np.savez(
        folder / "omniglot_background.npz",
        images=(patterns ^ flips).astype("uint8"),
        alphabet=np.repeat(["A", "B"], 12),
        character=[f"{number:02d}" for number in range(24)],
        class_id=np.arange(1, 25, dtype="int16"),
    )
    for domain, shift in (("amazon", 0), ("caltech", 5)):
        y = np.repeat(np.arange(10), 6)
        x = 30 + shift + rng.integers(0, 9, (60, 4)) + 6 * y[:, None] % 17
        np.savez(
            folder / f"office_caltech_surf_{domain}.npz",
            x=x.astype("uint8"),
            y=y,
        )
    return folder


def run_of(cls, text, folder=None, seed=0):
    """A run of one family that is prepared but not trained."""
    with tempfile.TemporaryDirectory() as place:
        recipe = read_recipe(write(pathlib.Path(place), text))
    rows = domains.load(recipe.data, folder, tests=cls.tests)
    keras.utils.set_random_seed(seed)
    run = cls(recipe, rows.drawn(recipe.data, seed), seed)
    run.prepare()
    return run
