import keras
import numpy as np
import pytest

from keras_transfer.subspace import AffineSubspaceLayer

ROWS = np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]])
KERNEL = np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]])


class Given(AffineSubspaceLayer):
    """Has the maps that it is told."""

    def __init__(self, maps, **kwargs):
        super().__init__(**kwargs)
        self.maps = maps

    def _fit_affine(self, source, target, source_labels):
        return self.maps


def _adapted(*maps):
    layer = Given(maps, dtype="float64")
    layer.adapt(ROWS, ROWS)
    return layer


def test_each_side_has_its_own_map():
    bias = np.array([1.0, 2.0, 3.0])
    layer = _adapted((KERNEL, bias), (2 * KERNEL, -bias))
    np.testing.assert_allclose(
        layer(ROWS, domain="source"), ROWS @ KERNEL + bias
    )
    np.testing.assert_allclose(layer(ROWS), ROWS @ (2 * KERNEL) - bias)
    assert layer.compute_output_shape((7, 2)) == (7, 3)


@pytest.mark.parametrize("identity", [0, 1], ids=["source", "target"])
def test_no_map_is_the_identity(identity):
    kernel, bias = np.diag([2.0, 3.0]), np.ones(2)
    maps = [(kernel, bias), (kernel, bias)]
    maps[identity] = None
    layer = _adapted(*maps)
    sides = [layer(ROWS, domain="source"), layer(ROWS)]
    np.testing.assert_array_equal(sides[identity], ROWS)
    np.testing.assert_allclose(sides[1 - identity], ROWS @ kernel + bias)
    assert len(layer.weights) == 2
    assert layer.compute_output_shape((7, 2)) == (7, 2)


def test_two_identities_need_no_weights():
    layer = _adapted(None, None)
    np.testing.assert_array_equal(layer(ROWS), ROWS)
    assert layer.weights == []
    assert layer.compute_output_shape((None, 2)) == (None, 2)


def test_arrays_of_both_sides_are_kept_once():
    bias = np.zeros(3)
    both = (KERNEL, bias)
    assert len(_adapted(both, both).weights) == 2
    layer = _adapted((KERNEL, bias), (KERNEL, np.ones(3)))
    names = [weight.name for weight in layer.weights]
    assert names == ["kernel", "source_bias", "target_bias"]
    np.testing.assert_allclose(layer(ROWS), ROWS @ KERNEL + 1.0)
    np.testing.assert_allclose(layer(ROWS, domain="source"), ROWS @ KERNEL)


def test_shapes_are_known_before_a_call():
    layer = _adapted((KERNEL, np.zeros(3)), (KERNEL, np.ones(3)))
    assert layer(keras.Input((2,))).shape == (None, 3)
    with pytest.raises(ValueError, match="before it was fitted"):
        Given(None).compute_output_shape((None, 2))
