"""What the optimizers around others share."""

import keras
import numpy as np
import pytest

from keras_transfer.training.optimizer_wrapper import OptimizerWrapper
from keras_transfer.training.optimizer_wrapper import fresh_copy


class Plain(OptimizerWrapper):
    """Hands everything on."""

    def build(self, variables):
        self.optimizer.build(variables)
        super().build(variables)

    def apply(self, grads, trainable_variables=None):
        grads, variables = self._known(grads, trainable_variables)
        self.optimizer.apply(grads, variables)


def test_loss_scale_moves_outside():
    wrapper = Plain(
        keras.optimizers.SGD(1.0, loss_scale_factor=4.0), learning_rate=0.0
    )
    assert wrapper.optimizer.loss_scale_factor is None
    assert float(wrapper.scale_loss(2.0)) == 8.0
    variable = keras.Variable([1.0])
    wrapper.apply([np.array([4.0], "float32")], [variable])
    np.testing.assert_allclose(variable, [0.0])
    wrapper.loss_scale_factor = None  # as a LossScaleOptimizer does
    wrapper.apply([np.array([4.0], "float32")], [variable])
    np.testing.assert_allclose(variable, [-4.0])
    assert wrapper._inner_config()["config"]["loss_scale_factor"] is None


def test_config_is_that_of_the_optimizer_as_given():
    given = keras.optimizers.SGD(0.5, loss_scale_factor=4.0)
    expected = given.get_config()
    wrapper = Plain(given, learning_rate=0.0)
    assert wrapper._inner_config()["config"] == expected


@pytest.mark.parametrize("kind", ["loss_scale", "built"])
def test_wrong_optimizers_are_refused(kind):
    optimizer = keras.optimizers.SGD()
    if kind == "loss_scale":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    else:
        optimizer.build([keras.Variable([1.0])])
    with pytest.raises(ValueError, match="`optimizer`"):
        Plain(optimizer, learning_rate=0.0)


def test_unknown_variables_are_refused():
    wrapper = Plain(keras.optimizers.SGD(), learning_rate=0.0)
    wrapper.build([keras.Variable([1.0])])
    with pytest.raises(ValueError, match="Unknown variable"):
        wrapper.apply([np.ones(1, "float32")], [keras.Variable([1.0])])


def test_gradients_alone_need_a_built_optimizer():
    wrapper = Plain(keras.optimizers.SGD(), learning_rate=0.0)
    with pytest.raises(ValueError, match="build"):
        wrapper.apply([np.ones(1, "float32")])


def test_fresh_copies_keep_settings_and_exclusions_and_no_state():
    optimizer = keras.optimizers.AdamW(0.5, weight_decay=0.1)
    variable = keras.Variable([1.0], name="gamma")
    optimizer.exclude_from_weight_decay(var_names=["gamma"])
    optimizer.apply([np.ones(1, "float32")], [variable])
    copy = fresh_copy(optimizer)
    assert copy.get_config() == optimizer.get_config()
    assert int(copy.iterations) == 0
    assert not copy.built
    before = keras.ops.convert_to_numpy(variable)
    copy.apply([np.zeros(1, "float32")], [variable])
    np.testing.assert_array_equal(variable, before)  # no decay
