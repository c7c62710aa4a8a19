"""L2-SP: sums, what they are over, and that nothing of it is saved."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.l2sp import L2SP


def _model():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, name="low", kernel_regularizer="l1"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(3, name="head"),
        ]
    )


def _penalty(model):
    return sum(float(loss) for loss in model.losses)


def _moved(model, generator):
    starts = {}
    for layer in (model.get_layer("low"), model.get_layer("head")):
        starts[layer.name] = np.array(layer.kernel)
        noise = generator.normal(size=layer.kernel.shape)
        layer.kernel.assign(layer.kernel + noise)
        layer.bias.assign(layer.bias + 1.0)
    return starts


def test_penalty_is_the_printed_sum(generator):
    model = _model()
    L2SP(alpha=0.3, beta=0.7, new="head").apply(model)
    starts = _moved(model, generator)
    low = np.array(model.get_layer("low").kernel, "float64") - starts["low"]
    head = np.array(model.get_layer("head").kernel, "float64")
    expected = 0.3 / 2 * (low**2).sum() + 0.7 / 2 * (head**2).sum()
    np.testing.assert_allclose(_penalty(model), expected, rtol=1e-5)


def test_penalty_is_zero_at_the_start_and_pulls_back(generator):
    model = _model()
    L2SP(alpha=1.0).apply(model)
    assert _penalty(model) == 0.0
    start = _moved(model, generator)["low"]
    model.compile(keras.optimizers.SGD(0.1), lambda y, z: 0.0 * z[:, 0])
    before = np.abs(np.array(model.get_layer("low").kernel) - start)
    model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    after = np.abs(np.array(model.get_layer("low").kernel) - start)
    # One step of gradient alpha * (w - w0).
    np.testing.assert_allclose(after, 0.9 * before, atol=1e-5)


def test_only_kernels_that_learn_are_pulled():
    model = _model()
    paths = L2SP().apply(model)
    assert paths == ("low/kernel", "head/kernel")
    assert model.get_layer("norm").gamma.regularizer is None
    model = _model()
    model.get_layer("low").trainable = False
    assert L2SP().apply(model) == ("head/kernel",)
    model = _model()
    assert L2SP(only="l*").apply(model) == ("low/kernel",)


def test_a_saved_model_knows_nothing(generator, tmp_path):
    model = _model()
    regularizer = model.get_layer("low").kernel_regularizer
    L2SP(alpha=5.0).apply(model)
    _moved(model, generator)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    kernel = model.get_layer("low").kernel
    np.testing.assert_allclose(
        _penalty(loaded), float(regularizer(kernel)), rtol=1e-6
    )
    assert len(loaded.weights) == len(_model().weights)


def test_removed_leaves_what_was_there(generator):
    model = _model()
    before = _penalty(model)
    penalty = L2SP()
    penalty.apply(model)
    penalty.apply(model)  # the values now are the start
    assert _penalty(model) == 0.0
    penalty.remove(model)
    np.testing.assert_allclose(_penalty(model), before)
    assert model.get_layer("head").kernel.regularizer is None


@pytest.mark.parametrize("step", ["apply", "remove"])
def test_a_compiled_model_must_be_compiled_again(step):
    model = _model()
    penalty = L2SP()
    if step == "remove":
        penalty.apply(model)
    model.compile("sgd", "mse")
    getattr(penalty, step)(model)
    assert not model.compiled


def test_works_under_xla(generator):
    model = _model()
    L2SP(alpha=0.1).apply(model)
    model.compile("sgd", "mse", jit_compile=True)
    history = model.fit(
        generator.normal(size=(8, 4)), np.ones((8, 3)), verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_optimizer_that_decays_is_refused(wrapped):
    model = _model()
    optimizer = keras.optimizers.AdamW(weight_decay=0.1)
    if wrapped:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer, "mse")
    with pytest.raises(ValueError, match="weight_decay=0.1"):
        L2SP().apply(model)
    assert model.compiled


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"alpha": -1.0}, "alpha"),
        ({"beta": np.inf}, "beta"),
        ({"new": "haed"}, "new"),
        ({"only": ["lo"]}, "only"),
    ],
    ids=["alpha", "beta", "new", "only"],
)
def test_wrong_arguments_are_refused(arguments, named):
    with pytest.raises(ValueError, match=f"`{named}`"):
        L2SP(**arguments).apply(_model())
