import numpy as np
import pytest

from keras_transfer.subspace.component_layer import ComponentLayer
from tests.helpers import two_domains


class FirstFeatures(ComponentLayer):
    """Takes the first features for components."""

    def _components(self, features, num_source, source_labels):
        self.seen = features.shape, num_source, source_labels
        columns = np.eye(features.shape[1])[:, : self.dimensions]
        return columns, np.arange(1.0, 1.0 + self.dimensions)


def _layer(kernel="primal", bandwidth=None, whiten=False):
    return FirstFeatures(2, kernel, bandwidth, 1.0, whiten, dtype="float64")


def test_components_see_both_domains(generator):
    source, target = two_domains(generator, target_rows=9)
    layer = _layer()
    layer.adapt(source, target, "labels")
    assert layer.seen == ((21, 5), 12, "labels")
    np.testing.assert_allclose(layer(source), source[:, :2])


def test_white_components_have_equal_scatter(generator):
    source, target = two_domains(generator, dtype="float64")
    plain, white = _layer(), _layer(whiten=True)
    for layer in (plain, white):
        layer.adapt(source, target)
    np.testing.assert_allclose(
        white(source), plain(source) / np.sqrt([1.0, 2.0])
    )


def test_gaussian_outputs_are_similarities_to_the_rows(generator):
    source, target = two_domains(generator, dtype="float64")
    layer = _layer("gaussian", bandwidth=2.0)
    layer.adapt(source, target)
    new = generator.normal(size=(4, 5))
    squared = ((new[:, None] - source[None, :2]) ** 2).sum(axis=-1)
    np.testing.assert_allclose(layer(new), np.exp(-squared / 8.0), atol=1e-12)


@pytest.mark.parametrize("kernel", ["primal", "linear"])
@pytest.mark.parametrize("rows", [12, 3], ids=["tall", "wide"])
def test_new_rows_are_mapped_as_those_of_the_fit(generator, kernel, rows):
    source, target = two_domains(generator, rows, rows, 9, "float64")
    layer = _layer(kernel)
    layer.adapt(source, target)
    copies = np.concatenate([source, source + 0.0])
    np.testing.assert_allclose(layer(copies)[rows:], layer(source), atol=1e-12)
    assert layer(source).shape == layer.compute_output_shape((rows, 9))


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="`kernel`.*Did you mean 'gaussian'"):
        _layer("gausian")
    with pytest.raises(ValueError, match="`bandwidth`.*None with kernel='lin"):
        _layer("linear", bandwidth=1.0)
    with pytest.raises(ValueError, match="`bandwidth`.*positive number"):
        _layer("gaussian", bandwidth=-1.0)
    with pytest.raises(ValueError, match="`regularization`.*positive number"):
        FirstFeatures(2, "linear", None, 0.0, False)
    with pytest.raises(ValueError, match="`dimensions`.*integer of 1 or more"):
        FirstFeatures(0, "linear", None, 1.0, False)
