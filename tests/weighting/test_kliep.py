import numpy as np
import pytest
from scipy.optimize import minimize

from keras_transfer import weighting
from tests.weighting import problems


def _kernels(rows, centers, width):
    distances = ((rows[:, None] - centers[None]) ** 2).sum(axis=-1)
    return np.exp(-distances / (2 * width**2))


def _twin(source, target, width):
    """The paper's problem, as it is written, by SciPy's general solver."""
    of_target = _kernels(target, target, width)
    means = _kernels(source, target, width).mean(axis=0)
    found = minimize(
        lambda a: -np.log(of_target @ a).sum(),
        np.ones(len(target)) / means.sum(),
        jac=lambda a: -of_target.T @ (1 / (of_target @ a)),
        method="SLSQP",
        bounds=[(0, None)] * len(target),
        constraints={"type": "eq", "fun": lambda a: means @ a - 1},
        options={"ftol": 1e-10, "maxiter": 1000},
    )
    assert found.success
    return _kernels(source, target, width) @ found.x


def test_weights_are_those_of_the_papers_problem(generator):
    source = generator.normal(size=(60, 2))
    target = generator.normal(size=(20, 2)) * 0.7 + 0.5
    found = weighting.kliep(source, target, width=0.8)
    expected = _twin(source, target, 0.8)
    assert expected.max() > 2
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_no_mixture_of_kernels_is_likelier(generator):
    """The likelihood's slope is at most the constraint's, at every kernel."""
    source, target, _ = problems.gaussian_shift(rows=80)
    weights = weighting.kliep(source, target, width=0.6).astype("float64")
    of_source = _kernels(source, target, 0.6)
    a = np.linalg.lstsq(of_source, weights, rcond=None)[0]
    values = _kernels(target, target, 0.6) @ a
    slopes = (_kernels(target, target, 0.6) / values[:, None]).mean(axis=0)
    assert (slopes / of_source.mean(axis=0)).max() < 1.01


def test_the_width_is_chosen_by_held_out_rows():
    source, target, ratio = problems.gaussian_shift()
    found = weighting.kliep(source, target, width=[0.01, 0.5, 50.0])
    assert problems.correlation(found, ratio) > 0.95
    fixed = weighting.kliep(source, target, width=0.5)
    np.testing.assert_array_equal(found, fixed)


def test_widths_that_leave_target_rows_without_weight_are_passed_over():
    source = np.linspace(0, 1, 50)[:, None]
    target = np.append(source[25:], [[3.0]], axis=0)
    weights = weighting.kliep(source, target, width=[1e-3, 1.0])
    np.testing.assert_array_equal(
        weights, weighting.kliep(source, target, width=1.0)
    )
    with pytest.raises(ValueError, match="no source row near them"):
        weighting.kliep(source, target, width=1e-3)


@pytest.mark.parametrize(
    "name, value", [("folds", 1), ("num_centers", 0), ("width", -1.0)]
)
def test_wrong_settings_are_refused(name, value):
    rows = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match=f"`{name}`"):
        weighting.kliep(rows, rows, **{name: value})
