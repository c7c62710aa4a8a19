"""Leading directions of symmetric matrices and of rows."""

import numpy as np
from scipy import linalg

from keras_transfer._public import invalid_argument

#: Matrices from here on are worth a first decomposition in float32.
LARGE = 256
#: Eigenvectors beyond the wanted ones that keep the last of them apart.
SPARE = 16
#: Largest sine of the angle between a quick eigenvector and its true space,
#: by the residual bound; what is seen is a tenth of it.
ANGLE = 3e-5


def leading_eigenvectors(matrix, number):
    """Eigenvectors of the largest eigenvalues, largest first.

    A large matrix is decomposed in float32, at half the cost, and the vectors
    are turned in float64 within the space they span. They are kept if they
    are accurate to the float32 that the layers keep, else thrown away for a
    decomposition in float64.

    Args:
        matrix: Symmetric positive float64 array `(d, d)`.
        number: How many, at most d.

    Returns:
        Pair of eigenvalues `(number,)` and orthonormal columns `(d, number)`,
        each with its largest entry positive, since the sign says nothing.
    """
    values, vectors = _quick(matrix, number) or _last(matrix, number)
    return values[::-1], with_fixed_signs(vectors[:, ::-1])


def _last(matrix, number):
    """The last eigenvalues in rising order, and their vectors."""
    width = len(matrix)
    values, vectors = linalg.eigh(
        matrix,
        subset_by_index=(width - number, width - 1),
        check_finite=False,
    )
    if len(values) < number:
        # LAPACK may lose some of many equal ones where not all are wanted.
        values, vectors = linalg.eigh(matrix, driver="evd", check_finite=False)
    return values[-number:], vectors[:, -number:]


def _quick(matrix, number):
    """As `_last`, by Rayleigh and Ritz; `None` if that is not accurate."""
    scale = np.abs(matrix).max()
    if len(matrix) < max(LARGE, 2 * (number + SPARE)) or not scale > 0:
        return None
    _, rough = _last((matrix / scale).astype("float32"), number + SPARE)
    basis, _ = linalg.qr(rough.astype("float64"), mode="economic")
    image = matrix @ basis
    values, turn = linalg.eigh(basis.T @ image)
    vectors = basis @ turn
    residuals = np.linalg.norm(image @ turn - vectors * values, axis=0)
    distances = values[SPARE:] - values[0]
    if (residuals[SPARE:] > ANGLE * distances).any():
        return None
    return values[SPARE:], vectors[:, SPARE:]


def with_fixed_signs(vectors):
    """Columns turned so that the largest entry of each is positive."""
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return vectors * np.where(signs == 0, 1.0, signs)


def principal_axes(rows, number, name="rows"):
    """Directions of the largest variance, from the smaller side.

    Args:
        rows: float64 array `(n, d)`.
        number: How many.
        name: What the rows are, for errors.

    Returns:
        Triple of the mean `(d,)`, variances `(number,)` in falling order and
        orthonormal columns `(d, number)`.

    Raises:
        ValueError: If the rows vary in fewer directions.
    """
    mean = rows.mean(axis=0)
    centred = rows - mean
    most = min(len(rows) - 1, rows.shape[1])
    if number > most:
        raise _too_many(number, most, name)
    tall = len(rows) >= rows.shape[1]
    gram = centred.T @ centred if tall else centred @ centred.T
    values, axes = leading_eigenvectors(gram, number)
    precision = np.finfo("float64").eps * max(rows.shape) * values[0]
    if values[-1] <= precision:
        raise _too_many(number, int((values > precision).sum()), name)
    if not tall:
        # Orthonormal but for rounding, which is larger for small variances.
        axes, _ = linalg.qr(centred.T @ axes, mode="economic")
        axes = with_fixed_signs(axes)
    return mean, values / (len(rows) - 1), axes


def _too_many(number, most, name):
    return invalid_argument(
        "dimensions",
        number,
        f"at most {most}, the number of directions in which the {name} varies",
    )
