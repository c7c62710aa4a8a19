import numpy as np
import pytest

from keras_transfer import losses
from tests import helpers

pytestmark = pytest.mark.any_backend

MULTIPLIERS = (0.25, 0.5, 1.0, 2.0, 4.0)
EACH_ESTIMATOR = pytest.mark.parametrize("estimator", ["biased", "unbiased"])
mmd = losses.maximum_mean_discrepancy


def _squared(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(axis=-1)


def numpy_bandwidths(source, target, multipliers=MULTIPLIERS):
    """Multiples of the median distance of all different rows together."""
    both = np.concatenate([source, target]).astype("float64")
    distances = np.sqrt(_squared(both, both))
    median = np.median(distances[~np.eye(len(both), dtype=bool)])
    return [m * median for m in multipliers]


def numpy_mmd(source, target, widths, estimator):
    """Gretton et al. 2012, eq. 3 (unbiased) and 5 (biased), in float64."""
    source, target = (np.asarray(x, "float64") for x in (source, target))

    def kernel(x, y):
        squared = _squared(x, y)
        return np.mean([np.exp(-squared / (2 * w * w)) for w in widths], 0)

    def within(x):
        total = 0.0
        for i in range(len(x)):
            for j in range(len(x)):
                if estimator == "biased" or i != j:
                    total += kernel(x[i : i + 1], x[j : j + 1])[0, 0]
        pairs = len(x) ** 2 if estimator == "biased" else len(x) * (len(x) - 1)
        return total / pairs

    across = kernel(source, target).mean()
    return within(source) + within(target) - 2 * across


@EACH_ESTIMATOR
@pytest.mark.parametrize("target_rows", [6, 5, 9])
def test_equals_numpy_with_given_bandwidths(estimator, target_rows, generator):
    source, target = helpers.two_domains(generator, 6, target_rows)
    widths = [0.5, 1.0, 3.0]
    value = mmd(source, target, bandwidths=widths, estimator=estimator)
    expected = numpy_mmd(source, target, widths, estimator)
    np.testing.assert_allclose(value, expected, atol=1e-6, rtol=1e-5)


@EACH_ESTIMATOR
@pytest.mark.parametrize("target_rows", [6, 5, 9])
def test_equals_numpy_with_the_median_rule(estimator, target_rows, generator):
    source, target = helpers.two_domains(generator, 6, target_rows)
    value = mmd(source, target, estimator=estimator)
    widths = numpy_bandwidths(source, target)
    expected = numpy_mmd(source, target, widths, estimator)
    np.testing.assert_allclose(value, expected, atol=1e-6, rtol=1e-5)


def test_multipliers_are_used(generator):
    source, target = helpers.two_domains(generator, 6)
    widths = numpy_bandwidths(source, target, [0.7, 3.0])
    np.testing.assert_allclose(
        mmd(source, target, multipliers=[0.7, 3.0]),
        numpy_mmd(source, target, widths, "biased"),
        rtol=1e-5,
    )


def test_class_equals_function(generator):
    source, target = helpers.two_domains(generator, 6, 9)
    for arguments in (
        {},
        {"bandwidths": [0.5]},
        {"multipliers": (1.0, 2.0), "estimator": "unbiased"},
    ):
        loss = losses.MaximumMeanDiscrepancy(**arguments)
        assert float(loss(source, target)) == pytest.approx(
            float(mmd(source, target, **arguments)), rel=1e-6
        )


def test_zero_on_identical_batches(generator):
    source, _ = helpers.two_domains(generator)
    assert float(mmd(source, source)) == pytest.approx(0.0, abs=1e-6)


def test_biased_is_never_negative_and_unbiased_may_be(generator):
    values = {"biased": [], "unbiased": []}
    for _ in range(20):
        source, target = generator.normal(size=(2, 8, 3)).astype("float32")
        for estimator, found in values.items():
            found.append(float(mmd(source, target, estimator=estimator)))
    assert min(values["biased"]) >= 0
    assert min(values["unbiased"]) < 0
    # Zero on average: far nearer to it than the biased one.
    assert abs(np.mean(values["unbiased"])) < 0.2 * np.mean(values["biased"])


@EACH_ESTIMATOR
def test_symmetric_and_blind_to_order_and_place(estimator, generator):
    source, target = helpers.two_domains(generator, 8, 6)
    expected = pytest.approx(
        float(mmd(source, target, estimator=estimator)), abs=1e-5
    )
    assert float(mmd(target, source, estimator=estimator)) == expected
    mixed = generator.permutation(source)
    assert float(mmd(mixed, target, estimator=estimator)) == expected
    moved = mmd(source + 2.0, target + 2.0, estimator=estimator)
    assert float(moved) == expected


def test_median_rule_is_blind_to_the_scale(generator):
    source, target = helpers.two_domains(generator)
    assert float(mmd(source * 100, target * 100)) == pytest.approx(
        float(mmd(source, target)), rel=1e-4
    )


@EACH_ESTIMATOR
def test_gradient_equals_differences(estimator, generator):
    """Of the formula at fixed bandwidths: the median has no gradient."""
    source, target = helpers.two_domains(generator, 5, 4, width=2)
    widths = numpy_bandwidths(source, target)
    found = helpers.gradients(
        lambda s, t: mmd(s, t, estimator=estimator), source, target
    )
    expected = [
        helpers.numeric_gradient(
            lambda x: numpy_mmd(x, target, widths, estimator), source
        ),
        helpers.numeric_gradient(
            lambda x: numpy_mmd(source, x, widths, estimator), target
        ),
    ]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.abs(found[0]).max() > 1e-3


def test_descent_lowers_it(generator):
    source, target = helpers.two_domains(generator)
    values = []
    for _ in range(4):
        values.append(float(mmd(source, target, bandwidths=[2.0])))
        (gradient,) = helpers.gradients(
            lambda x, fixed=source: mmd(fixed, x, bandwidths=[2.0]), target
        )
        target = target - 2.0 * gradient
    assert (np.diff(values) < 0).all()


def test_equal_rows_give_zero_and_a_finite_gradient():
    rows = np.ones((4, 3), "float32")
    assert float(mmd(rows, rows)) == 0.0
    for gradient in helpers.gradients(mmd, rows, rows):
        assert np.isfinite(gradient).all()


# === Errors ===


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"estimator": "linear"}, "`estimator`.*'biased', 'unbiased'.*linear"),
        ({"bandwidths": [0.0]}, r"`bandwidths`.*positive numbers.*\[0.0\]"),
        ({"bandwidths": []}, "`bandwidths`.*a list of positive numbers"),
        ({"bandwidths": 1.0}, "`bandwidths`.*a list of positive numbers"),
        ({"multipliers": [-1.0]}, "`multipliers`.*positive numbers"),
        ({"multipliers": [float("nan")]}, "`multipliers`.*positive numbers"),
        (
            {"bandwidths": [1.0], "multipliers": [1.0]},
            "Expected one of the two",
        ),
    ],
)
def test_wrong_arguments_are_refused_by_class_and_function(arguments, message):
    with pytest.raises(ValueError, match=message):
        losses.MaximumMeanDiscrepancy(**arguments)
    with pytest.raises(ValueError, match=message):
        mmd(np.ones((3, 2), "f4"), np.ones((3, 2), "f4"), **arguments)


@pytest.mark.parametrize("domain", ["source", "target"])
def test_unbiased_needs_two_rows_of_each(domain):
    rows = {"source": np.ones((4, 2), "f4"), "target": np.ones((4, 2), "f4")}
    rows[domain] = rows[domain][:1]
    with pytest.raises(ValueError, match=f"at least 2 .*Received {domain}"):
        mmd(**rows, estimator="unbiased")
    assert np.isfinite(float(mmd(**rows)))


def test_what_is_no_batch_of_vectors_is_refused():
    with pytest.raises(ValueError, match=r"shape \(rows, width\)"):
        mmd(np.ones((4, 2, 2), "f4"), np.ones((4, 2), "f4"))
