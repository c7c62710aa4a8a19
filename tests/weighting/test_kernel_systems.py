import numpy as np
import pytest

from keras_transfer.weighting import kernel_systems


def _systems(generator, rows=30, columns=6, ridge=0.2):
    factor = generator.normal(size=(rows, columns))
    matrix = factor @ factor.T
    return (
        matrix + ridge * np.eye(rows),
        [
            kernel_systems.FactoredSystem(factor, ridge),
            kernel_systems.DenseSystem(matrix.copy(), ridge),
        ],
    )


def test_both_are_the_same_matrix(generator):
    matrix, systems = _systems(generator)
    right = generator.normal(size=30)
    diagonal = generator.uniform(1e-3, 1e3, 30)
    expected = np.linalg.solve(matrix + np.diag(diagonal), right)
    for system in systems:
        np.testing.assert_allclose(system.product(right), matrix @ right)
        found = system.solver(diagonal)(right)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("which", [0, 1], ids=["factored", "dense"])
def test_a_diagonal_of_many_magnitudes(generator, which):
    """As near the solution, where weights are at a bound or away from it."""
    matrix, systems = _systems(generator, ridge=1e-6)
    diagonal = 10.0 ** generator.uniform(-9, 9, 30)
    right = generator.normal(size=30)
    found = systems[which].solver(diagonal)(right)
    left = matrix @ found + diagonal * found - right
    assert np.abs(left).max() < 1e-4


def test_a_solver_can_be_used_again(generator):
    matrix, (_, dense) = _systems(generator)
    for _ in range(2):
        found = dense.solver(np.ones(30))(matrix @ np.ones(30) + 1.0)
        np.testing.assert_allclose(found, 1.0, atol=1e-9)
