import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier

from keras_transfer.subspace import Coral
from keras_transfer.subspace import JointDistributionAdaptation
from keras_transfer.subspace import SubspaceAlignment
from keras_transfer.subspace import TransferComponentAnalysis
from keras_transfer.subspace import as_transformer
from tests.helpers import two_domains


@pytest.fixture
def domains(generator):
    return two_domains(generator, target_rows=9)


def test_fit_transform_is_the_source_and_transform_the_target(domains):
    source, target = domains
    layer = SubspaceAlignment(2)
    layer.adapt(source, target)
    transformer = as_transformer(SubspaceAlignment(2))
    fitted = transformer.fit_transform(source, target=target)
    np.testing.assert_array_equal(fitted, layer(source, domain="source"))
    np.testing.assert_array_equal(transformer.transform(target), layer(target))
    assert transformer.n_features_in_ == 5


def test_domains_may_be_told_row_by_row(domains):
    source, target = domains
    order = np.random.default_rng(0).permutation(21)
    rows = np.concatenate([source, target])[order]
    sample_domain = np.array([1] * 12 + [-2] * 9)[order]
    expected = as_transformer(Coral())
    expected.fit(rows[sample_domain > 0], target=rows[sample_domain < 0])
    transformer = as_transformer(Coral())
    outputs = transformer.fit_transform(rows, sample_domain=sample_domain)
    np.testing.assert_allclose(
        outputs[sample_domain > 0],
        expected.layer_(rows[sample_domain > 0], domain="source"),
        rtol=1e-5,
    )
    np.testing.assert_array_equal(
        outputs[sample_domain < 0], rows[sample_domain < 0]
    )
    np.testing.assert_array_equal(transformer.transform(rows), rows)
    only_target = transformer.transform(target, sample_domain=[-1] * 9)
    np.testing.assert_array_equal(only_target, target)


def test_only_labels_of_the_source_are_used(domains):
    source, target = domains
    labels = np.arange(21) % 3
    sample_domain = np.array([1] * 12 + [-1] * 9)
    rows = np.concatenate([source, target])
    layers = []
    for masked in (labels, np.where(sample_domain < 0, -1, labels)):
        transformer = as_transformer(JointDistributionAdaptation(2, 2))
        transformer.fit(rows, masked, sample_domain=sample_domain)
        layers.append(transformer.layer_)
    np.testing.assert_array_equal(layers[0](target), layers[1](target))


def test_the_given_layer_stays_as_it_is_and_refits_are_free(domains):
    source, target = domains
    layer = Coral()
    transformer = as_transformer(layer)
    transformer.fit(source, target=target)
    transformer.fit(source[:, :2], target=target[:, :2])
    assert transformer.transform(target[:, :2]).shape == (9, 2)
    assert not layer.built


@pytest.mark.parametrize(
    "layer",
    [
        Coral(0.5, match_means=True),
        TransferComponentAnalysis(3, "gaussian", 2.0, dtype="float64"),
        JointDistributionAdaptation(classifier=KNeighborsClassifier),
    ],
    ids=["coral", "tca", "jda"],
)
def test_clones_have_the_same_arguments(layer):
    copy = clone(as_transformer(layer)).layer
    assert copy is not layer
    names = set(layer.get_config()) - {"name", "dtype", "classifier"}
    for name in names:
        assert getattr(copy, name) == getattr(layer, name)
    assert copy.dtype_policy == layer.dtype_policy
    if "classifier" in layer.get_config():
        assert copy.classifier is layer.classifier


def test_a_clone_is_not_fitted(domains):
    transformer = as_transformer(Coral()).fit(domains[0], target=domains[1])
    with pytest.raises(NotFittedError):
        clone(transformer).transform(domains[1])


def test_sparse_rows(domains):
    source, target = domains
    sparse = [scipy.sparse.csr_array(rows) for rows in domains]
    transformer = as_transformer(Coral())
    expected = transformer.fit_transform(source, target=target)
    found = transformer.fit_transform(sparse[0], target=sparse[1])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_one_way_to_tell_the_target_is_wanted(domains):
    source, target = domains
    transformer = as_transformer(Coral())
    with pytest.raises(ValueError, match="`target`.*align__target=x_target"):
        transformer.fit(source)
    with pytest.raises(ValueError, match="`sample_domain` instead"):
        transformer.fit(source, target=target, sample_domain=[1] * 12)


@pytest.mark.parametrize(
    ("sample_domain", "message"),
    [
        ([1] * 11, "one number for each of the 12 rows"),
        (["a"] * 12, "one number for each of the 12 rows"),
        ([1] * 6 + [0] * 6, "has zeros"),
        ([1] * 12, "`target`.*2 rows or more"),
    ],
    ids=["too few", "names", "zeros", "no target"],
)
def test_bad_domains_are_refused(domains, sample_domain, message):
    with pytest.raises(ValueError, match=message):
        as_transformer(Coral()).fit(domains[0], sample_domain=sample_domain)
