import numpy as np
import pytest

from keras_transfer import weighting
from tests.weighting import problems


def test_weights_are_the_papers(generator):
    """With one setting and every target row a centre."""
    source = generator.normal(size=(30, 2))
    target = generator.normal(size=(10, 2)) + 0.5
    found = weighting.rulsif(source, target, mixture=0.2, width=1.2, ridge=0.1)

    def kernels(rows):
        distances = ((rows[:, None] - target[None]) ** 2).sum(axis=-1)
        return np.exp(-distances / (2 * 1.2**2))

    of_source, of_target = kernels(source), kernels(target)
    matrix = 0.2 * of_target.T @ of_target / 10
    matrix += 0.8 * of_source.T @ of_source / 30 + 0.1 * np.eye(10)
    solved = np.linalg.solve(matrix, of_target.mean(axis=0))
    expected = of_source @ np.maximum(solved, 0)
    np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-5)


def test_a_larger_mixture_is_flatter():
    source, target, _ = problems.gaussian_shift()
    sizes = [
        weighting.effective_sample_size(
            weighting.rulsif(source, target, mixture=mixture)
        )
        for mixture in (0.0, 0.2, 0.8)
    ]
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize(
    "name, value",
    [("mixture", 1.0), ("mixture", -0.1), ("num_centers", 0), ("ridge", 0.0)],
)
def test_wrong_settings_are_refused(name, value):
    rows = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match=f"`{name}`"):
        weighting.rulsif(rows, rows, **{name: value})
