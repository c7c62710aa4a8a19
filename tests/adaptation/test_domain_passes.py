"""Batch norm in three ways, against NumPy."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_transfer as kt
from keras_transfer.adaptation import domain_passes
from tests.adaptation import small
from tests.helpers import to_numpy

MOMENTUM = 0.9
EACH = pytest.mark.parametrize("batch_norm", domain_passes.BATCH_NORMS)


def _model():
    """Batch norm on the inputs, so that NumPy knows its statistics."""
    inputs = keras.Input((small.WIDTH,))
    x = layers.BatchNormalization(momentum=MOMENTUM, name="norm")(inputs)
    return keras.Model(inputs, layers.Dense(small.CLASSES, name="logits")(x))


def _moving(batches):
    """Keras' moving mean and variance after some batches, in float64."""
    mean, variance = np.zeros(small.WIDTH), np.ones(small.WIDTH)
    for batch in batches:
        batch = np.asarray(batch, "float64")
        mean = MOMENTUM * mean + (1 - MOMENTUM) * batch.mean(axis=0)
        variance = MOMENTUM * variance + (1 - MOMENTUM) * batch.var(axis=0)
    return mean, variance


def _batches():
    """The batches of `small.pairs(seed=3)` in the first epoch."""
    batches = [x for x, _ in small.pairs(target_batch_size=6)]
    return [
        [to_numpy(x[domain]) for x in batches]
        for domain in ("source", "target")
    ]


def _fit(batch_norm, **kwargs):
    model = _model()
    trainer = small.adapted(
        model,
        "dan",
        batch_norm=batch_norm,
        data=small.pairs(target_batch_size=6),
        **kwargs,
    )
    return trainer, model.get_layer("norm")


def _assert_moving(variables, batches):
    expected = _moving(batches)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(variable, value, atol=1e-5)


def test_shared_statistics_are_those_of_both():
    _, norm = _fit("shared")
    source, target = _batches()
    both = [np.concatenate(b) for b in zip(source, target, strict=True)]
    _assert_moving([norm.moving_mean, norm.moving_variance], both)


@pytest.mark.parametrize("batch_norm", ["separate", "domain_specific"])
def test_the_model_ends_with_the_targets_statistics(batch_norm):
    trainer, norm = _fit(batch_norm)
    source, target = _batches()
    _assert_moving([norm.moving_mean, norm.moving_variance], target)
    copies = trainer._source_branch.non_trainable_variables
    _assert_moving(copies, source)


def test_separate_shares_gamma_and_beta():
    trainer, _ = _fit("separate")
    assert trainer._source_branch.trainable_variables == []
    assert len(trainer._source_branch.variables) == 2


def test_domain_specific_trains_its_own_gamma_and_beta():
    trainer, norm = _fit("domain_specific")
    copies = trainer._source_branch.trainable_variables
    assert len(copies) == 2
    for copy, original in zip(copies, [norm.gamma, norm.beta], strict=True):
        start = 1.0 if copy is copies[0] else 0.0
        assert np.abs(to_numpy(copy) - start).max() > 1e-4
        assert np.abs(to_numpy(original) - start).max() > 1e-4
        assert np.abs(to_numpy(copy) - to_numpy(original)).max() > 1e-4


@pytest.mark.parametrize("batch_norm", ["separate", "domain_specific"])
def test_each_domain_is_normalised_by_itself(batch_norm):
    trainer = kt.DomainAdaptation(_model(), "dan", batch_norm=batch_norm)
    source, _, target = small.arrays(16, 9)
    outputs = trainer({"source": source, "target": target}, training=True)
    for rows, domain in ((source, outputs.source), (target, outputs.target)):
        rows = rows.astype("float64")
        normal = (rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + 1e-3)
        np.testing.assert_allclose(domain.features[0], normal, atol=1e-5)


def test_shared_normalises_both_together():
    trainer = kt.DomainAdaptation(_model(), "dan")
    source, _, target = small.arrays(16, 9)
    outputs = trainer({"source": source, "target": target}, training=True)
    both = np.concatenate([source, target]).astype("float64")
    normal = (both - both.mean(axis=0)) / np.sqrt(both.var(axis=0) + 1e-3)
    np.testing.assert_allclose(
        outputs.source.features[0], normal[:16], atol=1e-5
    )
    np.testing.assert_allclose(
        outputs.target.features[0], normal[16:], atol=1e-5
    )


def test_copies_begin_as_the_model():
    model = _model()
    norm = model.get_layer("norm")
    norm.moving_mean.assign([1.0, 2.0, 3.0, 4.0])
    norm.gamma.assign([0.1, 0.2, 0.3, 0.4])
    branch = domain_passes.SourceBranch(model, own_affine=True)
    values = [to_numpy(v).tolist() for v in branch.variables]
    for expected in (norm.moving_mean, norm.gamma):
        assert to_numpy(expected).tolist() in values


@EACH
def test_dropout_differs_between_the_domains(batch_norm):
    inputs = keras.Input((50,))
    x = layers.Dropout(0.5, name="drop")(inputs)
    x = layers.BatchNormalization()(x)
    model = keras.Model(inputs, layers.Dense(2)(x))
    trainer = kt.DomainAdaptation(
        model, "dan", features="drop", batch_norm=batch_norm
    )
    ones = np.ones((4, 50), "float32")
    masks = []
    for _ in range(2):
        outputs = trainer({"source": ones, "target": ones}, training=True)
        for domain in (outputs.source, outputs.target):
            masks.append(to_numpy(domain.features[0]) > 0)
    for one in range(4):
        for other in range(one):
            assert 0.3 < (masks[one] != masks[other]).mean() < 0.7


@EACH
def test_without_training_nothing_moves(batch_norm):
    trainer = kt.DomainAdaptation(_model(), "dan", batch_norm=batch_norm)
    source, _, target = small.arrays(8, 8)
    before = small.weights(trainer)
    trainer({"source": source, "target": target}, training=False)
    for old, new in zip(before, small.weights(trainer), strict=True):
        np.testing.assert_array_equal(old, new)


@EACH
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_step_keeps_the_statistics_apart(batch_norm, jit_compile):
    model = _model()
    trainer = kt.DomainAdaptation(model, "dan", batch_norm=batch_norm)
    small.compiled(trainer, jit_compile=jit_compile, steps_per_execution=3)
    trainer.fit(small.pairs(target_batch_size=6), verbose=0)
    norm = model.get_layer("norm")
    source, target = _batches()
    expected = target
    if batch_norm == "shared":
        expected = [np.concatenate(b) for b in zip(source, target, strict=True)]
    _assert_moving([norm.moving_mean, norm.moving_variance], expected)


@pytest.mark.parametrize("batch_norm", ["separate", "domain_specific"])
def test_gradients_of_both_branches_reach_what_they_share(batch_norm):
    trainer = kt.DomainAdaptation(_model(), "dan", batch_norm=batch_norm)
    small.compiled(trainer)
    kernel = trainer.model.get_layer("logits").kernel
    before = to_numpy(kernel).copy()
    trainer.fit(small.pairs(), verbose=0)
    assert np.abs(to_numpy(kernel) - before).max() > 1e-3


def test_frozen_batch_norm_keeps_its_statistics():
    model = _model()
    model.get_layer("norm").trainable = False
    trainer = small.adapted(model, "dan", batch_norm="separate")
    np.testing.assert_array_equal(model.get_layer("norm").moving_mean, 0)
    for variable in trainer._source_branch.variables:
        assert set(to_numpy(variable)) <= {0.0, 1.0}


def test_batch_norm_inside_a_nested_model():
    inner = keras.Sequential(
        [
            keras.Input((small.WIDTH,)),
            layers.BatchNormalization(momentum=MOMENTUM, name="inner_norm"),
        ],
        name="body",
    )
    inputs = keras.Input((small.WIDTH,))
    model = keras.Model(inputs, layers.Dense(small.CLASSES)(inner(inputs)))
    small.adapted(
        model,
        "dan",
        batch_norm="separate",
        data=small.pairs(target_batch_size=6),
    )
    norm = inner.get_layer("inner_norm")
    _assert_moving([norm.moving_mean, norm.moving_variance], _batches()[1])


@pytest.mark.parametrize("batch_norm", ["separate", "domain_specific"])
def test_the_sources_own_losses_are_kept(batch_norm):
    """What layers add to the loss in the source's pass counts too."""
    inputs = keras.Input((2,))
    x = keras.layers.Dense(
        3, activity_regularizer=keras.regularizers.L2(1.0), name="features"
    )(inputs)
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    trainer = kt.DomainAdaptation(
        model, "deep_coral", features="features", batch_norm=batch_norm
    )
    pair = {"source": np.full((4, 2), 9.0, "float32")}
    trainer({**pair, "target": np.zeros((4, 2), "float32")}, training=True)
    model.get_layer("features")(pair["source"])
    expected = sum(model.get_layer("features").losses)
    trainer({**pair, "target": np.zeros((4, 2), "float32")}, training=True)
    assert float(sum(trainer.losses)) == pytest.approx(float(expected))
    assert expected > 0


def test_statistics_stay_in_full_precision_under_a_half_policy():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(2),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    trainer = kt.DomainAdaptation(model, "deep_coral", batch_norm="separate")
    assert trainer.dtype_policy.name == "mixed_float16"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer.compile("adam", loss)
    assert isinstance(trainer.optimizer, keras.optimizers.LossScaleOptimizer)
    x = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
    trainer({"source": 300 * x, "target": 300 * x}, training=True)
    for variable in trainer._source_branch.variables:
        assert np.isfinite(variable.numpy()).all()
        assert variable.dtype == "float32"
