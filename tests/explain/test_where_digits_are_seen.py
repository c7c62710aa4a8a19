"""Grad-CAM of digits over photographs, before and after adaptation.

`benchmarks/results/attribution.json` has every map, layer and seed. What is
tested here holds there for all three seeds in the middle layer, of 5x5 places,
which is the one that `grad_cam` takes by itself. It does not hold in the last
layer: its nine places are too few. In the first layer an untrained network
does as well as a trained one, so that a large share there says nothing of what
was learned.
"""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.cli import quickstart

HALF_INK = 128
DEFAULT, LAST = None, "re_lu_2"  # 5x5 and 3x3 places


def trained(domains, method):
    keras.utils.clear_session(free_memory=False)  # for the layers' names
    keras.utils.set_random_seed(0)
    trainer = kt.DomainAdaptation(
        quickstart.digit_model(),
        alignment=quickstart.terms()[method],
        features="features",
        batch_norm="separate",
    )
    trainer.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    pairs = kt.data.pair_domains(
        domains.source,
        domains.target,
        batch_size=quickstart.BATCH_SIZE,
        seed=0,
        steps_per_epoch=quickstart.STEPS_PER_EPOCH,
    )
    trainer.fit(pairs, epochs=quickstart.EPOCHS, verbose=0)
    return trainer.model


@pytest.fixture(scope="module")
def shares():
    """Shares `(images,)` on the image's own digit and on another's."""
    domains = kt.data.digits_on_photos(0)
    images, labels = (array[::4] for array in domains.target_test)
    digit = domains.target_test_digits[::4] >= HALF_INK
    other = np.roll(digit, len(digit) // 2, axis=0)
    found = {"area": digit.mean()}
    for method in ("source_only", "dann"):
        model = trained(domains, method)
        for layer in (DEFAULT, LAST):
            maps = kt.explain.grad_cam(model, images, labels, layer=layer)
            found[method, layer] = tuple(
                kt.explain.attribution_share(maps, masks)
                for masks in (digit, other)
            )
    return found


def significance(values):
    """Mean in units of its standard error."""
    values = values[np.isfinite(values)]
    return values.mean() / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["source_only", "dann"])
def test_more_falls_on_the_digit_than_its_share_of_the_area(shares, method):
    own, _ = shares[method, DEFAULT]
    assert significance(own - shares["area"]) > 3


@pytest.mark.slow
def test_more_falls_on_the_digit_after_adaptation(shares):
    before, after = (
        shares[method, DEFAULT][0] for method in ("source_only", "dann")
    )
    assert significance(after - before) > 3


@pytest.mark.slow
def test_some_of_it_is_that_digit_and_not_the_middle_of_the_image(shares):
    own, other = shares["dann", DEFAULT]
    assert significance(own - other) > 2


@pytest.mark.slow
def test_nine_places_are_too_few_to_say(shares):
    own, other = shares["dann", LAST]
    assert abs(np.nanmean(own - other)) < 0.02
