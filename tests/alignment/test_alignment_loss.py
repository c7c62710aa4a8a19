import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers

pytestmark = pytest.mark.any_backend


def _two_branches(alignment, **kwargs):
    """An own model: one encoder, two inputs, the term between them."""
    encoder = keras.layers.Dense(6, activation="tanh", name="encoder")
    source, target = keras.Input((4,)), keras.Input((4,))
    layer = kt.layers.AlignmentLoss(alignment, **kwargs)
    features = layer(encoder(source), encoder(target))
    model = keras.Model([source, target], keras.layers.Dense(3)(features))
    return model, layer, encoder


def _data(generator):
    source, target = helpers.two_domains(generator, 24, width=4)
    return source, target, generator.integers(3, size=24)


def test_source_passes_unchanged(generator):
    source, target = helpers.two_domains(generator, 6, 4)
    value = kt.layers.AlignmentLoss("dan")(source, target)
    np.testing.assert_array_equal(helpers.to_numpy(value), source)


@pytest.mark.parametrize("name", ["dan", "deep_coral"])
@pytest.mark.parametrize("training", [None, True])
def test_adds_the_weighted_term(name, training, generator):
    source, target = helpers.two_domains(generator, 6, 4)
    term = kt.alignment.get(name)
    term.weight = 0.3
    layer = kt.layers.AlignmentLoss(term)
    layer(source, target, training=training)
    assert len(layer.losses) == 1
    function = {
        "dan": kt.losses.maximum_mean_discrepancy,
        "deep_coral": kt.losses.coral,
    }[name]
    np.testing.assert_allclose(
        layer.losses[0], 0.3 * function(source, target), rtol=1e-6
    )


def test_adds_nothing_in_inference(generator):
    source, target = helpers.two_domains(generator, 6, 1)
    layer = kt.layers.AlignmentLoss("deep_coral")  # which needs two rows
    layer(source, target, training=False)
    assert layer.losses == []


def test_adds_nothing_when_switched_off(generator):
    source, target = helpers.two_domains(generator, 6, 4)
    layer = kt.layers.AlignmentLoss(kt.alignment.MeanDiscrepancy(weight=0))
    layer(source, target, training=True)
    assert layer.losses == []


def test_reaches_the_encoder_through_both_domains(generator):
    source, target = helpers.two_domains(generator, 6, 4)
    layer = kt.layers.AlignmentLoss("dan")

    def value(source, target):
        layer(source, target)
        return layer.losses[0]

    for gradient in helpers.gradients(value, source, target):
        assert np.abs(gradient).max() > 1e-4


@pytest.mark.parametrize("name", ["dann", "dan", "deep_coral"])
def test_trains_in_an_own_model(name, generator):
    if name == "dann" and keras.backend.backend() == "jax":
        pytest.skip("Keras' JAX trainer updates no metrics that layers own")
    source, target, labels = _data(generator)
    model, layer, encoder = _two_branches(name, total_steps=6)
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    before = [helpers.to_numpy(v).copy() for v in model.trainable_variables]
    model.fit([source, target], labels, batch_size=8, epochs=2, verbose=0)
    for old, new in zip(before, model.trainable_variables, strict=True):
        assert np.abs(old - helpers.to_numpy(new)).max() > 0
    assert float(layer._progress.share()) == 1.0


def test_the_term_lowers_the_distance_it_measures(generator):
    source, target, labels = _data(generator)
    distances = []
    for weight in (0, 20.0):
        keras.utils.set_random_seed(0)
        term = kt.alignment.CorrelationAlignment(weight=weight)
        model, _, encoder = _two_branches(term)
        model.compile(
            keras.optimizers.Adam(0.02),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        model.fit([source, target], labels, batch_size=24, epochs=15, verbose=0)
        distances.append(
            float(kt.losses.coral(encoder(source), encoder(target)))
        )
    assert distances[1] < 0.5 * distances[0]


def test_without_a_total_schedules_stand_at_their_end(generator):
    source, target = helpers.two_domains(generator, 6, 4)
    term = kt.alignment.MeanDiscrepancy(
        weight=kt.schedules.LinearRamp(0.0, 2.0)
    )
    layer = kt.layers.AlignmentLoss(term)
    layer(source, target, training=True)
    np.testing.assert_allclose(
        layer.losses[0],
        2.0 * kt.losses.maximum_mean_discrepancy(source, target),
        rtol=1e-6,
    )


def test_schedules_follow_the_steps_of_training(generator):
    source, target = helpers.two_domains(generator, 6, 4)
    term = kt.alignment.MeanDiscrepancy(
        weight=kt.schedules.LinearRamp(0.0, 2.0)
    )
    layer = kt.layers.AlignmentLoss(term, total_steps=4)
    value = float(kt.losses.maximum_mean_discrepancy(source, target))
    for step in range(4):
        layer(source, target, training=True)
        assert float(layer.losses[0]) == pytest.approx(
            2.0 * step / 4 * value, rel=1e-5, abs=1e-8
        )


def test_unknown_term_is_refused():
    with pytest.raises(ValueError, match="`alignment`.*Did you mean"):
        kt.layers.AlignmentLoss("dam")
