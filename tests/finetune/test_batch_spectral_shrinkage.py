"""The penalty of a batch of features."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.batch_spectral_shrinkage import (
    BatchSpectralShrinkage,
)


def test_value_is_the_weighted_sum_over_layers(generator):
    features = [
        generator.normal(size=shape).astype("float32")
        for shape in ((5, 3), (5, 2, 2, 4))
    ]
    matrices = [features[0], features[1].mean(axis=(1, 2))]
    expected = sum(
        (np.linalg.svd(m, compute_uv=False)[-2:] ** 2).sum() for m in matrices
    )
    penalty = BatchSpectralShrinkage(k=2, strength=0.3)
    np.testing.assert_allclose(
        float(penalty(features, None)), 0.3 * expected, rtol=1e-3
    )


def test_half_precision_is_left(generator):
    keras.config.set_dtype_policy("mixed_float16")
    features = keras.ops.cast(300.0 * np.eye(3), "float16")
    value = BatchSpectralShrinkage(strength=1.0)([features], None)
    np.testing.assert_allclose(float(value), 9e4, rtol=1e-5)


def test_config_round_trip():
    penalty = BatchSpectralShrinkage(k=3, strength=0.5, name="other")
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(penalty)
    )
    assert copy.get_config() == penalty.get_config()
    assert (copy.k, copy.strength) == (3, 0.5)


@pytest.mark.parametrize(
    "arguments", [{"k": 0}, {"k": 1.5}, {"strength": -1.0}], ids=repr
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        BatchSpectralShrinkage(**arguments)
