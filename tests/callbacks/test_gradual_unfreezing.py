"""The head first: stages, optimizer state, and runs that are resumed."""

import keras
import numpy as np
import pytest

from keras_transfer.callbacks.gradual_unfreezing import GradualUnfreezing
from keras_transfer.finetune.layerwise_learning_rate import (
    LayerwiseLearningRate,
)
from keras_transfer.training.staged_optimizer import StagedOptimizer

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.02),
    "adamw": lambda: keras.optimizers.AdamW(0.02, weight_decay=0.1),
    "momentum": lambda: keras.optimizers.SGD(0.02, momentum=0.9),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.02),
}


def _model(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.Sequential(
                [
                    keras.Input((4,)),
                    keras.layers.Dense(5, activation="tanh", name="low"),
                    keras.layers.BatchNormalization(name="norm"),
                    keras.layers.Dense(5, activation="tanh", name="high"),
                ],
                name="backbone",
            ),
            keras.layers.Dense(3, name="head"),
        ]
    )


@pytest.fixture
def data(generator):
    x = generator.normal(size=(16, 4)).astype("float32")
    return x, generator.normal(size=(16, 3)).astype("float32")


class Watch(keras.callbacks.Callback):
    """Notes after each epoch which kernels have moved in it."""

    def __init__(self):
        super().__init__()
        self.moved = []

    def on_epoch_begin(self, epoch, logs=None):
        self._before = self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        after = self.model.get_weights()
        self.moved.append(
            sorted(
                weight.path
                for weight, old, new in zip(
                    self.model.weights, self._before, after, strict=True
                )
                if not np.array_equal(old, new)
            )
        )


def _fit(model, data, callbacks, **arguments):
    arguments = {"epochs": 1, "batch_size": 8, "shuffle": False, **arguments}
    return model.fit(*data, callbacks=callbacks, verbose=0, **arguments)


HEAD = ["sequential/head/bias", "sequential/head/kernel"]
HIGH = ["backbone/high/bias", "backbone/high/kernel"]
LOW = ["backbone/low/bias", "backbone/low/kernel"]


def _paths(moved):
    """Paths without the number that Keras may put behind a name."""
    return [
        "/".join(part.split("_")[0] for part in path.split("/"))
        for path in moved
    ]


@pytest.mark.parametrize(
    "start",
    [pytest.param("all_learn", marks=pytest.mark.slow), "backbone_frozen"],
)
def test_one_group_more_learns_every_few_epochs(data, start):
    model = _model()
    model.get_layer("backbone").trainable = start == "all_learn"
    model.get_layer("backbone").get_layer("norm").trainable = False
    model.compile("adam", "mse")
    watch = Watch()
    unfreezing = GradualUnfreezing(["head", "high", "low"], every=2)
    _fit(model, data, [watch, unfreezing], epochs=6)
    expected = [HEAD, HIGH + HEAD, LOW + HIGH + HEAD]
    assert [_paths(moved) for moved in watch.moved] == [
        sorted(expected[epoch // 2]) for epoch in range(6)
    ]
    assert model.compiled


def test_batch_norm_joins_only_if_told(data):
    moved = {}
    for joins in (False, True):
        model = _model()
        model.trainable = False
        model.compile("sgd", "mse")
        watch = Watch()
        unfreezing = GradualUnfreezing(
            ["head", "norm"] if joins else ["head", "backbone"],
            batch_norm=joins,
        )
        _fit(model, data, [watch, unfreezing], epochs=2)
        moved[joins] = [path.split("/")[-1] for path in watch.moved[1]]
    assert "gamma" not in moved[False]
    assert {"gamma", "moving_mean"} <= set(moved[True])


@pytest.mark.parametrize(
    ("name", "jit"),
    [
        ("adam", False),
        *(
            pytest.param(name, jit, marks=pytest.mark.slow)
            for name, jit in [
                ("momentum", False),
                ("adamw", True),
                ("rmsprop", False),
            ]
        ),
    ],
)
def test_first_update_of_what_joins_is_that_of_a_new_optimizer(data, name, jit):
    model, twin = _model(), _model()
    model.get_layer("backbone").get_layer("norm").trainable = False
    twin.get_layer("backbone").get_layer("norm").trainable = False
    model.compile(OPTIMIZERS[name](), "mse", jit_compile=jit)
    unfreezing = GradualUnfreezing(["head", "backbone"], every=3)
    _fit(model, data, [unfreezing], epochs=3)
    twin.set_weights(model.get_weights())
    twin.compile(OPTIMIZERS[name](), "mse")
    x, y = (array[:8] for array in data)
    twin.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    before = model.get_weights()
    # One step, in the epoch in which the backbone joins.
    _fit(model, (x, y), [unfreezing], epochs=4, initial_epoch=3)
    for weight, old, now, expected in zip(
        model.weights,
        before,
        model.get_weights(),
        twin.get_weights(),
        strict=True,
    ):
        if "backbone/" in weight.path and weight.name in ("kernel", "bias"):
            np.testing.assert_allclose(now, expected, atol=1e-6)
            assert np.abs(now - old).max() > 1e-4
    # The head has a state by now.
    difference = np.abs(model.get_weights()[-2] - twin.get_weights()[-2])
    assert difference.max() > 1e-4


def test_what_trained_before_keeps_its_state(data):
    """The head moves as if there were nothing else to learn."""
    model, alone = _model(), _model()
    # A backbone whose update is zero: the head sees the same features.
    model.compile(
        LayerwiseLearningRate("adam", multipliers={"backbone*": 0.0}), "mse"
    )
    alone.get_layer("backbone").trainable = False
    model.get_layer("backbone").get_layer("norm").trainable = False
    alone.compile("adam", "mse")
    unfreezing = GradualUnfreezing(["head", "backbone"], every=2)
    _fit(model, data, [unfreezing], epochs=5)
    _fit(alone, data, [], epochs=5)
    for now, expected in zip(
        model.get_weights(), alone.get_weights(), strict=True
    ):
        np.testing.assert_allclose(now, expected, atol=1e-6)
    assert [int(part.iterations) for part in model.optimizer.parts()] == [10, 6]


def test_layers_keep_their_rates(data):
    """The decay counts the layers of the model, not those of a group."""
    model = _model()
    optimizer = LayerwiseLearningRate(keras.optimizers.SGD(0.1), decay=0.5)
    model.compile(optimizer, "mse")
    _fit(model, data, [GradualUnfreezing(["head", "high", "low"])])
    high = model.optimizer.parts()[1].factors()
    assert {
        path.split("/")[-2]: value
        for path, value in high.items()
        if path.endswith("kernel")
    } == {"low": 0.25, "high": 0.5, "head": 1.0}


class Stop(keras.callbacks.Callback):
    """Dies in an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise RuntimeError("killed")


@pytest.mark.parametrize(
    "killed_in", [pytest.param(1, marks=pytest.mark.slow), 3]
)
def test_a_killed_run_resumes_at_its_stage(data, tmp_path, killed_in):
    def start(callbacks):
        model = _model()
        model.get_layer("backbone").get_layer("norm").trainable = False
        model.compile("adam", "mse")
        unfreezing = GradualUnfreezing(["head", "high", "low"])
        _fit(model, data, [*callbacks, unfreezing], epochs=4)
        return model

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    whole = start([])
    with pytest.raises(RuntimeError, match="killed"):
        start([backup(), Stop(killed_in)])
    resumed = start([backup()])
    for now, expected in zip(
        resumed.get_weights(), whole.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(now, expected)
    assert [int(p.iterations) for p in resumed.optimizer.parts()] == [8, 6, 4]


def test_saved_in_the_middle_and_trained_on(data, tmp_path):
    def unfreezing():
        return GradualUnfreezing(["head", "high", "low"])

    model = _model()
    model.get_layer("backbone").get_layer("norm").trainable = False
    model.compile("adam", "mse")
    _fit(model, data, [unfreezing()], epochs=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, StagedOptimizer)
    for one in (model, loaded):
        _fit(one, data, [unfreezing()], epochs=4, initial_epoch=2)
    for now, expected in zip(
        loaded.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(now, expected)


def test_rates_can_be_set_by_other_callbacks(data):
    model = _model()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    scheduler = keras.callbacks.LearningRateScheduler(
        lambda epoch: [0.1, 0.0][epoch]
    )
    watch = Watch()
    unfreezing = GradualUnfreezing(["head", "backbone"])
    _fit(model, data, [unfreezing, scheduler, watch], epochs=2)
    assert _paths(watch.moved[0])[-2:] == HEAD
    # Nothing but the statistics, which are no matter of rates.
    assert all("moving" in path for path in watch.moved[1])


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 2])
def test_mixed_precision_and_several_steps_per_execution(data, steps):
    keras.config.set_dtype_policy("mixed_float16")
    model = _model()
    model.compile(keras.optimizers.Adam(0.01), "mse", steps_per_execution=steps)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    watch = Watch()
    _fit(model, data, [GradualUnfreezing(["head", "high"]), watch], epochs=2)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    staged = model.optimizer.inner_optimizer
    assert [int(part.iterations) for part in staged.parts()] == [4, 2]
    assert set(HIGH) <= set(_paths(watch.moved[1]))
    assert not set(HIGH) & set(_paths(watch.moved[0]))


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (None, [["head"], ["low", "high"]]),
        (3, [["head"], ["high"], ["low"]]),
        (1, [["low", "high", "head"]]),
        ([["head", "high"], "backbone"], [["high", "head"], ["low"]]),
    ],
    ids=["outer_layers", "equal_parts", "one", "patterns"],
)
def test_groups(groups, expected):
    unfreezing = GradualUnfreezing(groups)
    unfreezing.set_model(_model())
    found = [[layer.name for layer in group] for group in unfreezing._layers]
    assert found == expected


def test_evaluation_leaves_the_flags_alone(data):
    model = _model()
    model.get_layer("backbone").trainable = False
    model.compile("sgd", "mse")
    before = [w.trainable for w in model.weights]
    model.evaluate(*data, callbacks=[GradualUnfreezing()], verbose=0)
    assert [w.trainable for w in model.weights] == before
    assert not model.get_layer("backbone").trainable


def test_an_optimizer_that_has_learnt_is_refused(data):
    model = _model()
    model.compile("adam", "mse")
    _fit(model, data, [])
    with pytest.raises(ValueError, match="learnt already"):
        _fit(model, data, [GradualUnfreezing()])


def test_other_groups_than_before_are_refused(data):
    model = _model()
    model.compile("adam", "mse")
    _fit(model, data, [GradualUnfreezing(["head", "backbone"])])
    with pytest.raises(ValueError, match="other groups"):
        _fit(model, data, [GradualUnfreezing(["head", "high", "low"])])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"groups": "head"}, "groups"),
        ({"groups": []}, "groups"),
        ({"groups": 0}, "groups"),
        ({"every": 0}, "every"),
        ({"every": 0.5}, "every"),
    ],
    ids=["text", "none", "zero", "every_zero", "every_half"],
)
def test_wrong_arguments_are_refused(arguments, named):
    with pytest.raises(ValueError, match=f"`{named}`"):
        GradualUnfreezing(**arguments)


@pytest.mark.parametrize(
    "groups", [["hed"], ["head", "head"], 9], ids=["unknown", "twice", "many"]
)
def test_groups_that_do_not_fit_the_model_are_refused(groups):
    with pytest.raises(ValueError, match="`groups`"):
        GradualUnfreezing(groups).set_model(_model())
