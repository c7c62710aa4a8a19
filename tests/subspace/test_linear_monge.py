import keras
import numpy as np
import pytest
from scipy import linalg

from keras_transfer.subspace.linear_monge import LinearMonge
from tests.helpers import to_numpy
from tests.helpers import two_domains


def _adapted(source, target, dtype="float64", **arguments):
    layer = LinearMonge(dtype=dtype, **arguments)
    layer.adapt(source, target)
    return layer


def _map(source, target, regularization=1e-6):
    """The formula, with SciPy's general matrix roots."""
    diagonal = regularization * np.eye(source.shape[1])
    first = np.cov(source.T, bias=True) + diagonal
    second = np.cov(target.T, bias=True) + diagonal
    root = linalg.sqrtm(first)
    inverse = linalg.inv(root)
    kernel = inverse @ linalg.sqrtm(root @ second @ root) @ inverse
    return target.mean(axis=0) + (source - source.mean(axis=0)) @ kernel


@pytest.mark.parametrize("regularization", [1e-6, 0.3])
def test_it_is_the_formula(generator, regularization):
    source, target = two_domains(generator, 40, 30, dtype="float64")
    layer = _adapted(source, target, regularization=regularization)
    np.testing.assert_allclose(
        to_numpy(layer(source, domain="source")),
        _map(source, target, regularization),
        atol=1e-9,
    )


def test_it_is_the_map_of_pot(generator):
    da = pytest.importorskip("ot.da")
    source, target = two_domains(generator, 40, 30, dtype="float64")
    theirs = da.LinearTransport(reg=1e-6).fit(Xs=source, Xt=target)
    layer = _adapted(source, target)
    np.testing.assert_allclose(
        to_numpy(layer(source, domain="source")),
        theirs.transform(Xs=source),
        atol=1e-5,
    )


def test_the_source_gets_the_moments_of_the_target(generator):
    source, target = two_domains(generator, 200, 150, dtype="float64")
    moved = to_numpy(_adapted(source, target)(source, domain="source"))
    np.testing.assert_allclose(moved.mean(axis=0), target.mean(axis=0))
    np.testing.assert_allclose(
        np.cov(moved.T, bias=True), np.cov(target.T, bias=True), atol=1e-5
    )


def test_no_other_map_to_these_moments_moves_less(generator):
    """CORAL's map times a rotation reaches them too."""
    source, target = two_domains(generator, 200, 150, 3, "float64")
    moved = to_numpy(_adapted(source, target)(source, domain="source"))
    least = ((moved - source) ** 2).sum(axis=1).mean()
    whitening = linalg.inv(linalg.sqrtm(np.cov(source.T, bias=True)))
    colouring = linalg.sqrtm(np.cov(target.T, bias=True))
    centred = source - source.mean(axis=0)
    for _ in range(20):
        rotation, _ = linalg.qr(generator.normal(size=(3, 3)))
        other = centred @ whitening @ rotation @ colouring
        cost = ((other + target.mean(axis=0) - source) ** 2).sum(axis=1).mean()
        assert cost > least - 1e-6


def test_a_shift_and_a_scale_are_found(generator):
    source = generator.normal(size=(50, 3))
    target = source * [2.0, 0.5, 1.0] + [5.0, 0.0, -3.0]
    # Without correlations the axes are those of the covariance.
    source, _ = linalg.qr(source - source.mean(axis=0), mode="economic")
    target = source * [2.0, 0.5, 1.0] + [5.0, 0.0, -3.0]
    layer = _adapted(source, target, regularization=1e-12)
    np.testing.assert_allclose(
        to_numpy(layer(source, domain="source")), target, atol=1e-6
    )


def test_equal_domains_stay(generator):
    rows = generator.normal(size=(30, 4))
    moved = _adapted(rows, rows)(rows, domain="source")
    np.testing.assert_allclose(to_numpy(moved), rows, atol=1e-9)


def test_the_target_passes(generator):
    source, target = two_domains(generator)
    layer = _adapted(source, target, "float32")
    np.testing.assert_array_equal(to_numpy(layer(target)), target)


@pytest.mark.parametrize(
    "case", ["one_column", "constant_column", "fewer_rows_than_columns"]
)
def test_degenerate_domains_give_finite_maps(generator, case):
    rows, width = {"one_column": (20, 1)}.get(case, (4, 6))
    source, target = two_domains(generator, rows, width=width)
    if case == "constant_column":
        source[:, 0] = target[:, 0] = 7.0
    layer = _adapted(source, target, "float32", regularization=0.1)
    moved = to_numpy(layer(source, domain="source"))
    assert np.isfinite(moved).all()
    np.testing.assert_allclose(
        moved.mean(axis=0), target.mean(axis=0), atol=1e-4
    )


def test_a_file_brings_both_sides_back(generator, tmp_path):
    source, target = two_domains(generator)
    layer = _adapted(source, target, "float32")
    model = keras.Sequential([keras.Input((5,)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[0]
    np.testing.assert_array_equal(
        to_numpy(layer(source, domain="source")),
        to_numpy(loaded(source, domain="source")),
    )


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), "1"])
def test_wrong_regularizations_are_refused(wrong):
    with pytest.raises(ValueError, match="`regularization`"):
        LinearMonge(regularization=wrong)
