import keras
import numpy as np
import pytest
import scipy.sparse

from keras_transfer.subspace.denoising_map import denoising_map
from keras_transfer.subspace.marginalized_denoising_autoencoder import (
    MarginalizedDenoisingAutoencoder,
)
from tests.helpers import compiled
from tests.helpers import to_numpy


def _words(generator, rows=30, width=6):
    return (generator.uniform(size=(rows, width)) < 0.3).astype("float32")


def _adapted(source, target, *arguments, **options):
    layer = MarginalizedDenoisingAutoencoder(*arguments, **options)
    layer.adapt(source, target)
    return layer


def _by_hand(rows, inputs, num_layers, corruption):
    outputs = [inputs]
    for _ in range(num_layers):
        kernel, bias = denoising_map(rows, corruption, 1e-5)
        rows = np.tanh(rows @ kernel + bias)
        outputs.append(np.tanh(outputs[-1] @ kernel + bias))
    return outputs


@pytest.mark.parametrize("num_layers", [1, 3])
def test_layers_lie_on_each_other(generator, num_layers):
    source, target = _words(generator), _words(generator, 20)
    new = _words(generator, 7)
    layer = _adapted(source, target, num_layers, 0.4, dtype="float64")
    both = np.concatenate([source, target]).astype("float64")
    expected = _by_hand(both, new, num_layers, 0.4)
    np.testing.assert_allclose(
        to_numpy(layer(new)), np.concatenate(expected, axis=1), atol=1e-9
    )
    last = _adapted(
        source, target, num_layers, 0.4, outputs="last", dtype="float64"
    )
    np.testing.assert_allclose(to_numpy(last(new)), expected[-1], atol=1e-9)


def test_both_domains_have_the_same_map(generator):
    source, target = _words(generator), _words(generator)
    layer = _adapted(source, target, 2)
    np.testing.assert_array_equal(
        to_numpy(layer(target)), to_numpy(layer(target, domain="source"))
    )
    turned = _adapted(target, source, 2)
    np.testing.assert_allclose(
        to_numpy(layer(target)), to_numpy(turned(target)), atol=1e-5
    )


def test_sparse_rows_give_the_same(generator):
    source, target = _words(generator), _words(generator)
    expected = to_numpy(_adapted(source, target)(target))
    sparse = [scipy.sparse.csr_matrix(rows) for rows in (source, target)]
    for one, other in (sparse, (sparse[0], target), (source, sparse[1])):
        found = to_numpy(_adapted(one, other)(target))
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_wide_rows_are_computed_in_single_precision(generator):
    source, target = _words(generator, 40, 1200), _words(generator, 40, 1200)
    layer = _adapted(source, target, 2)
    both = np.concatenate([source, target]).astype("float64")
    expected = np.concatenate(_by_hand(both, target, 2, 0.5), axis=1)
    np.testing.assert_allclose(to_numpy(layer(target)), expected, atol=1e-3)


def test_a_missing_word_is_filled_in(generator):
    """The target never uses the first word, whose twin it does."""
    twin = (generator.uniform(size=(200, 1)) < 0.5).astype("float32")
    rest = _words(generator, 200, 3)
    source = np.concatenate([twin, twin, rest], axis=1)
    target = np.concatenate([0 * twin, twin, rest], axis=1)
    layer = _adapted(source, target, 1, outputs="last")
    filled = to_numpy(layer(target))[:, 0]
    has_twin = target[:, 1] == 1
    assert filled[has_twin].mean() > filled[~has_twin].mean() + 0.15


def test_a_file_brings_it_back_and_it_compiles(generator, tmp_path):
    source, target = _words(generator), _words(generator)
    layer = _adapted(source, target, 2)
    model = keras.Sequential([keras.Input((6,)), layer, keras.layers.Dense(2)])
    assert model.layers[0].output.shape == (None, 18)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected = to_numpy(model(target))
    np.testing.assert_array_equal(to_numpy(loaded(target)), expected)
    np.testing.assert_allclose(
        to_numpy(compiled(loaded)(target)), expected, atol=1e-5
    )
    assert loaded.layers[0].get_config() == layer.get_config()


@pytest.mark.parametrize(
    "argument, wrong",
    [
        ("num_layers", 0),
        ("num_layers", 1.5),
        ("corruption", 0),
        ("corruption", 1.0),
        ("corruption", "half"),
        ("ridge", 0.0),
        ("outputs", "first"),
    ],
)
def test_wrong_arguments_are_refused(argument, wrong):
    with pytest.raises(ValueError, match=f"`{argument}`"):
        MarginalizedDenoisingAutoencoder(**{argument: wrong})
