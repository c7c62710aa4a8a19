"""What all functions from two domains to weights have in common."""

import keras
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LinearRegression

from keras_transfer import weighting
from tests.weighting import problems

METHODS = {
    "kernel_mean_matching": weighting.kernel_mean_matching,
    "kliep": weighting.kliep,
    "ulsif": weighting.ulsif,
    "rulsif": weighting.rulsif,
    "discriminative": weighting.discriminative,
    "nearest_neighbour": weighting.nearest_neighbour,
}
EACH = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
DENSE = pytest.mark.parametrize(
    "name", [name for name in METHODS if name != "discriminative"]
)


@pytest.fixture
def domains(generator):
    source = generator.normal(size=(60, 3))
    return source, generator.normal(size=(40, 3)) + 0.5


@EACH
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_weights_of_any_dtype(method, domains, dtype):
    source, target = (np.round(4 * rows).astype(dtype) for rows in domains)
    problems.assert_are_weights(method(source, target), 60)


@EACH
def test_the_order_of_the_source_does_not_matter(method, domains, generator):
    source, target = domains
    order = generator.permutation(60)
    settings = {}
    if method is weighting.discriminative:
        # Folds do depend on it: with a row in each, they do not.
        pytest.skip("folds are drawn by the number of a row")
    if method is not weighting.nearest_neighbour:
        settings["width"] = 1.0
    if method in (weighting.ulsif, weighting.rulsif):
        settings["ridge"] = 0.1
    found = method(source, target, **settings)
    permuted = method(source[order], target, **settings)
    np.testing.assert_allclose(permuted, found[order], atol=2e-2)


@EACH
def test_the_source_moves_towards_the_target(method, domains):
    source, target = domains
    weights = method(source, target)
    moved = (weights[:, None] * source).mean(axis=0)
    middle = target.mean(axis=0)
    before = np.linalg.norm(source.mean(axis=0) - middle)
    assert np.linalg.norm(moved - middle) < 0.8 * before


@EACH
def test_axes_after_the_first_are_flattened(method, domains):
    source, target = domains
    found = method(source.reshape(60, 3, 1), target.reshape(40, 1, 3))
    np.testing.assert_array_equal(found, method(source, target))


@EACH
def test_outputs_of_a_model_stand_for_the_rows(method, domains):
    source, target = (rows.astype("float32") for rows in domains)
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    found = method(source, target, features_of=encoder, batch_size=7)
    features = [encoder.predict(rows, verbose=0) for rows in (source, target)]
    np.testing.assert_allclose(found, method(*features), atol=1e-2)


@EACH
def test_equal_rows_and_constant_columns(method, generator):
    rows = np.repeat(generator.normal(size=(12, 2)), 5, axis=0)
    rows = np.concatenate([rows, np.full((60, 1), 7.0)], axis=1)
    weights = method(rows, rows[20:])
    problems.assert_are_weights(weights, 60)
    if method is not weighting.discriminative:
        each = weights.reshape(12, 5)
        np.testing.assert_allclose(each, each[:, :1] * np.ones(5), atol=1e-3)


@EACH
def test_rows_that_are_all_equal(method):
    rows = np.ones((20, 2))
    # A fold may have a share of the target that is not that of all rows.
    error = 0.2 if method is weighting.discriminative else 1e-4
    np.testing.assert_allclose(method(rows, rows[:9]), 1.0, atol=error)


@EACH
def test_fewer_rows_than_columns(method, generator):
    source = generator.normal(size=(12, 40))
    problems.assert_are_weights(method(source, source[:8] + 0.2), 12)


@EACH
@pytest.mark.parametrize("bad", [np.nan, np.inf], ids=["nan", "inf"])
def test_bad_values_are_refused(method, domains, bad):
    source, target = domains
    target[3, 1] = bad
    with pytest.raises(ValueError, match="`target` has a NaN .* in row 3"):
        method(source, target)


@EACH
def test_domains_of_different_width_are_refused(method, domains):
    source, target = domains
    with pytest.raises(ValueError, match="same width. Received: 3 and 2"):
        method(source, target[:, :2])


@EACH
def test_single_numbers_are_refused(method):
    with pytest.raises(ValueError, match="`source`.*shape .rows, width."):
        method(np.zeros(5), np.zeros((5, 1)))


@DENSE
def test_sparse_rows_are_refused_where_distances_are_needed(name, domains):
    source, target = domains
    with pytest.raises(TypeError, match="`source` is a sparse matrix"):
        METHODS[name](csr_array(source), target)


@EACH
def test_far_domains_have_finite_weights(method, generator):
    source = generator.normal(size=(50, 2))
    try:
        weights = method(source, source + 1e4)
    except ValueError as error:
        # What KLIEP says: there is no likelihood to speak of.
        assert method is weighting.kliep and "no source row" in str(error)
    else:
        problems.assert_are_weights(weights, 50)


@pytest.mark.parametrize(
    "name, least",
    [
        ("kernel_mean_matching", 0.9),
        ("kliep", 0.95),
        ("ulsif", 0.95),
        ("discriminative", 0.95),
        ("nearest_neighbour", 0.5),
    ],
)
def test_weights_are_the_ratio_of_known_densities(name, least):
    source, target, ratio = problems.gaussian_shift()
    found = METHODS[name](source, target)
    assert problems.correlation(found, ratio) >= least


def test_rulsif_is_the_ratio_to_the_mixture():
    source, target, ratio = problems.gaussian_shift()
    for mixture in (0.1, 0.5):
        relative = ratio / (mixture * ratio + 1 - mixture)
        found = weighting.rulsif(source, target, mixture=mixture)
        assert problems.correlation(found, relative) >= 0.95
        assert found.max() <= 1.3 * (relative / relative.mean()).max()


def _squared_error(line, rows):
    return float(np.mean((np.ravel(line(rows)) - rows[:, 0] ** 2) ** 2))


@EACH
def test_a_line_fits_the_curve_where_the_target_is(method):
    source, target, _ = problems.gaussian_shift(rows=400)
    curve = source[:, 0] ** 2
    plain = LinearRegression().fit(source, curve)
    weighted = LinearRegression().fit(
        source, curve, sample_weight=method(source, target)
    )
    before = _squared_error(plain.predict, target)
    assert _squared_error(weighted.predict, target) < 0.7 * before


def test_keras_takes_the_weights():
    source, target, _ = problems.gaussian_shift(rows=400)
    weights = weighting.discriminative(source, target)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.2), "mse", jit_compile=False)
    model.fit(
        source,
        source**2,
        sample_weight=weights,
        epochs=80,
        batch_size=400,
        verbose=0,
    )
    expected = LinearRegression().fit(source, source**2, weights)
    found = model.predict(target, verbose=0)
    np.testing.assert_allclose(found, expected.predict(target), atol=0.1)
