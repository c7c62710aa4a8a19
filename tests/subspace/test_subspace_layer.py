import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from keras import ops

from keras_transfer import export
from keras_transfer.subspace import Coral
from keras_transfer.subspace import SubspaceAlignment
from keras_transfer.subspace import SubspaceLayer
from tests.helpers import two_domains


class Rescaling(SubspaceLayer):
    """Divides by the domain's largest value; keeps what it was fitted to."""

    keeps_sparse = True

    def _fit(self, source, target, source_labels):
        self.fitted_to = source, target, source_labels
        return {
            "source_scale": np.array(source.max()),
            "target_scale": np.array(target.max()),
        }

    def _map(self, inputs, state, domain):
        return ops.divide(inputs, state[f"{domain}_scale"])


@pytest.fixture
def domains(generator):
    return two_domains(generator, target_rows=9)


@pytest.fixture
def layer(domains):
    layer = SubspaceAlignment(2)
    layer.adapt(*domains)
    return layer


def test_sides_differ_and_the_target_is_the_default(layer, domains):
    source, _ = domains
    sides = [
        layer(source, domain=name).numpy() for name in ("source", "target")
    ]
    assert not np.allclose(*sides)
    np.testing.assert_array_equal(layer(source), sides[1])


@pytest.mark.parametrize("domain", ["Source", "", None, 0])
def test_other_domains_are_refused(layer, domains, domain):
    with pytest.raises(ValueError, match="`domain`.*'source' or 'target'"):
        layer(domains[0], domain=domain)


@pytest.mark.parametrize("domain", ["source", "target"])
def test_a_call_before_adapt_is_refused(domain):
    layer = SubspaceAlignment(2, name="mine")
    with pytest.raises(ValueError, match="'mine' was called before it was fit"):
        layer(np.ones((3, 2)), domain=domain)
    with pytest.raises(ValueError, match="layer.adapt.source, target. first"):
        keras.Sequential([keras.Input((2,)), layer])


def test_other_widths_are_refused(layer):
    with pytest.raises(ValueError, match="expected axis 1.* value 5"):
        layer(np.ones((3, 4)))
    with pytest.raises(ValueError, match="expected ndim=2"):
        layer(np.ones((3, 2, 5)))


def test_the_state_is_not_trained(layer):
    assert len(layer.non_trainable_weights) == 4
    assert not layer.trainable_weights


def test_adapt_again_replaces_the_values(layer, domains):
    source, target = domains
    before = layer(target).numpy()
    layer.adapt(source, target * [5.0, 1.0, 1.0, 1.0, 1.0])
    assert not np.allclose(layer(target), before)
    assert len(layer.weights) == 4


def test_adapt_again_with_other_shapes_is_refused(layer):
    with pytest.raises(ValueError, match="is built for weights .* new layer"):
        layer.adapt(np.eye(7), np.eye(7))


def test_a_failed_adapt_changes_nothing(layer, domains):
    before = layer(domains[1]).numpy()
    with pytest.raises(ValueError, match="NaN"):
        layer.adapt(domains[0] * np.nan, domains[1])
    np.testing.assert_array_equal(layer(domains[1]), before)


def test_state_by_name_reaches_the_map(domains):
    source, target = domains
    layer = Rescaling()
    layer.adapt(source, target, "labels")
    np.testing.assert_allclose(
        layer(source, domain="source"), source / source.max(), rtol=1e-6
    )
    np.testing.assert_allclose(layer(source), source / target.max(), rtol=1e-6)
    fitted = layer.fitted_to
    assert fitted[0].dtype == "float64" and fitted[2] == "labels"


def test_sparse_matrices(domains):
    source, target = domains
    layer = Rescaling()
    layer.adapt(scipy.sparse.coo_matrix(source), target)
    assert scipy.sparse.issparse(layer.fitted_to[0])
    dense, sparse = SubspaceAlignment(2), SubspaceAlignment(2)
    dense.adapt(source, target)
    sparse.adapt(
        scipy.sparse.csr_array(source), scipy.sparse.csc_matrix(target)
    )
    for one, other in zip(dense.weights, sparse.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_dtypes(domains, dtype):
    layer = SubspaceAlignment(2, dtype=dtype)
    layer.adapt(*domains)
    outputs = layer(domains[1])
    assert outputs.dtype == layer.compute_dtype
    assert {w.dtype for w in layer.weights} == {layer.variable_dtype}


def test_sequential_and_functional_models_take_the_target(layer, domains):
    expected = layer(domains[1]).numpy()
    inputs = keras.Input((5,))
    for model in (
        keras.Sequential([layer]),
        keras.Sequential([keras.Input((5,)), layer]),
        keras.Model(inputs, layer(inputs)),
    ):
        found = model.predict(domains[1], verbose=0)
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("with_input", [True, False])
def test_keras_file(layer, domains, tmp_path, with_input):
    head = keras.layers.Dense(3)
    front = [keras.Input((5,))] if with_input else []
    model = keras.Sequential([*front, layer, head])
    model(domains[1])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(domains[1]), model(domains[1]))
    # The side that is not served is there too, for a new head.
    np.testing.assert_array_equal(
        loaded.layers[0](domains[0], domain="source"),
        layer(domains[0], domain="source"),
    )


def test_clones_take_the_weights_and_are_not_mistaken_for_fitted(
    layer, domains
):
    model = keras.Sequential([keras.Input((5,)), layer])
    clone = keras.models.clone_model(model)
    assert np.isnan(clone(domains[1])).all()
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(domains[1]), model(domains[1]))


def test_layers_that_are_not_fitted_come_back_as_such():
    layer = Coral(3.0)
    copy = Coral.from_config(layer.get_config())
    assert copy.regularization == 3.0
    with pytest.raises(ValueError, match="before it was fitted"):
        copy(np.ones((3, 2)))


def test_compiled_calls(layer, domains):
    for jit in (False, True):
        both = tf.function(
            lambda x: (layer(x, domain="source"), layer(x)), jit_compile=jit
        )
        for found, domain in zip(
            both(domains[0]), ("source", "target"), strict=True
        ):
            np.testing.assert_allclose(
                found, layer(domains[0], domain=domain), atol=1e-5
            )


@pytest.mark.slow  # two processes load what is exported
def test_a_head_is_trained_on_the_source_and_served_on_the_target(
    layer, domains, tmp_path
):
    source, target = domains
    head = keras.Sequential([keras.layers.Dense(1)])
    head.compile("sgd", "mse")
    head.fit(layer(source, domain="source"), source[:, :1], epochs=1, verbose=0)
    model = keras.Sequential([keras.Input((5,)), layer, head])
    export.save(model, tmp_path / "served")
    served = tf.saved_model.load(str(tmp_path / "served" / "1"))
    signature = served.signatures["predict"]
    (name,) = signature.structured_input_signature[1]
    (outputs,) = signature(**{name: tf.constant(target)}).values()
    np.testing.assert_allclose(
        outputs, head(layer(target)), rtol=1e-5, atol=1e-6
    )
