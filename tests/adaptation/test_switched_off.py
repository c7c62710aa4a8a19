"""Without a term, adaptation is plain training on the source."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests.adaptation import small

OFF = {
    "none": lambda: None,
    "empty": list,
    "zero": lambda: kt.alignment.MeanDiscrepancy(weight=0),
    "zeros": lambda: [
        kt.alignment.DomainAdversarial(weight=0),
        kt.alignment.CorrelationAlignment(weight=0.0),
    ],
}


def _source_only():
    """What `model.fit` makes of the source rows of the same batches."""
    keras.utils.set_random_seed(0)
    model = small.compiled(small.dense_model(dropout=0.5, batch_norm=True))
    data = small.pairs().map(lambda x, y: (x["source"], y))
    history = model.fit(data, epochs=2, verbose=0, shuffle=False)
    return model, history.history


def _adapted(alignment, **kwargs):
    keras.utils.set_random_seed(0)
    model = small.dense_model(dropout=0.5, batch_norm=True)
    trainer = small.compiled(kt.DomainAdaptation(model, alignment, **kwargs))
    history = trainer.fit(small.pairs(), epochs=2, verbose=0)
    return model, history.history


@pytest.mark.parametrize("batch_norm", ["shared", "separate"])
@pytest.mark.parametrize("off", OFF)
def test_equal_to_plain_fit_bit_for_bit(off, batch_norm):
    plain, expected = _source_only()
    model, history = _adapted(OFF[off](), batch_norm=batch_norm)
    small.assert_same_weights(plain, model)
    assert history == expected


def test_one_term_switched_off_beside_another():
    zero = kt.alignment.DomainAdversarial(weight=0)
    alone, _ = _adapted("deep_coral")
    model, history = _adapted(["deep_coral", zero])
    small.assert_same_weights(alone, model)
    assert "dann_loss" not in history and "deep_coral_loss" in history


def test_a_term_that_is_on_changes_the_weights():
    plain, _ = _source_only()
    model, _ = _adapted("dan")
    assert small.largest_difference(plain, model) > 1e-4


@pytest.mark.parametrize("name", ["dann", "dan", "deep_coral"])
def test_a_weight_of_zero_as_a_schedule_agrees_closely(name):
    def trained(alignment):
        keras.utils.set_random_seed(0)
        return small.adapted(small.dense_model(), alignment).model

    off = kt.alignment.get(name)
    off.weight = kt.schedules.LinearRamp(0.0, 0.0)
    difference = small.largest_difference(trained(None), trained([off]))
    assert difference < 1e-6


@pytest.mark.parametrize("name", ["dann", "dan", "deep_coral"])
@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_gradient_is_linear_in_the_weight(name, weight):
    """gradient(w) - gradient(0) = w times the term's own gradient."""
    term = kt.alignment.get(name)
    if name == "dann":
        term.strength = 0.7
    model = small.dense_model()
    source, labels, target = small.arrays(8, 6)
    x = {"source": source, "target": target}
    kernel = model.get_layer("hidden").kernel

    def step_gradient(weight):
        import tensorflow as tf

        term.weight = weight
        trainer = small.compiled(kt.DomainAdaptation(model, [term]))
        with tf.GradientTape() as tape:
            outputs = trainer(x, training=True)
            loss = trainer.compute_loss(x, labels, outputs)
        return tape.gradient(loss, kernel.value).numpy()

    def term_gradient():
        from tests.helpers import gradients_of_variables

        def value():
            hidden = model.get_layer("hidden")
            batches = [
                kt.alignment.Representation(features=(hidden(rows),))
                for rows in (source, target)
            ]
            return term(*batches, training=True)

        return gradients_of_variables(value, [kernel])[0]

    own = term_gradient()
    assert np.abs(own).max() > 1e-5  # a dead term would pass the rest
    np.testing.assert_allclose(
        step_gradient(weight) - step_gradient(0), weight * own, atol=1e-6
    )
