"""A head that begins as a classifier by prototypes."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.meta.fast_model import FastModel
from keras_transfer.meta.prototype_start import PrototypeStart
from tests.meta import small_episodes as small
from tests.meta.small_maml import batch
from tests.meta.small_maml import network
from tests.meta.small_maml import new_maml


def test_without_steps_it_is_the_nearest_prototype():
    """As a `PrototypeHead` on the same features."""
    model = network()
    maml = new_maml(model, inner_steps=0, initialization="prototypes")
    x, y = batch(small.episodes(ways=(2, 3), shots=(1, 3), tasks=4))
    logits = maml.adapt_and_predict(x["support"], y["support"], x["query"])
    body = keras.Model(model.input, model.layers[-1].input)
    support, query = (
        np.stack([body(rows) for rows in x[part]])
        for part in ("support", "query")
    )
    head = kt.layers.PrototypeHead()
    expected = head(
        query, support=support, support_labels=y["support"], ways=3
    ).numpy()
    present = expected > -1e29
    assert not present.all()
    np.testing.assert_array_equal(logits > -1e29, present)
    # The squared length of the query is missing, the same for all classes.
    logits = np.where(present, logits - (query**2).sum(-1, keepdims=True), 0)
    np.testing.assert_allclose(
        logits, np.where(present, expected, 0), atol=1e-4
    )


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_absent_classes_make_no_nan_in_half_precision(dtype):
    keras.config.set_dtype_policy(dtype)
    maml = new_maml(network(), inner_steps=2, initialization="prototypes")
    x, y = batch(small.episodes(ways=(2, 2)))
    maml.train_on_batch(x, y)
    assert all(np.isfinite(w).all() for w in maml.get_weights())


def test_the_head_must_be_linear():
    model = network(activation="softmax")
    with pytest.raises(ValueError, match="without activation"):
        PrototypeStart(FastModel(model), model.layers[-1])
    flat = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(3, 4)])
    with pytest.raises(ValueError, match="a Dense"):
        PrototypeStart(FastModel(flat), flat.layers[-1])
