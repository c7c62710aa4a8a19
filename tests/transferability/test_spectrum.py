import numpy as np
import pytest

from keras_transfer.transferability.spectrum import spectrum


@pytest.mark.parametrize("shape", [(9, 4), (4, 9), (5, 5)])
def test_it_is_the_singular_value_decomposition(generator, shape):
    features = generator.normal(size=shape)
    columns = generator.normal(size=(shape[0], 3))
    left, values, _ = np.linalg.svd(features, full_matrices=False)
    squares, projections = spectrum(features, columns)
    np.testing.assert_allclose(squares, values[::-1] ** 2)
    np.testing.assert_allclose(
        projections**2, ((left.T @ columns) ** 2)[::-1], atol=1e-12
    )


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_what_is_zero_but_for_rounding_is_left_out(generator, shape):
    features = generator.normal(size=(shape[0], 2)) @ generator.normal(
        size=(2, shape[1])
    )
    squares, projections = spectrum(features, np.eye(shape[0]))
    assert squares.shape == (2,)
    assert projections.shape == (2, shape[0])


def test_zeros_have_no_spectrum():
    squares, projections = spectrum(np.zeros((4, 3)), np.ones((4, 2)))
    assert squares.shape == (0,)
    assert projections.shape == (0, 2)
