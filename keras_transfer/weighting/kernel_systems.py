"""Kernel matrices, as the solver of quadratic programs asks for them."""

import numpy as np


class FactoredSystem:
    """Q = F F' + ridge I, with a factor of few columns.

    A solution costs n r^2, and memory is that of two factors.

    Args:
        factor: Float64 array `(n, r)`.
        ridge: Not negative.
    """

    def __init__(self, factor, ridge):
        self.factor = factor
        self.ridge = ridge

    def product(self, b):
        """Q b."""
        return self.factor @ (self.factor.T @ b) + self.ridge * b

    def solver(self, diagonal):
        """Solutions with Q plus a positive diagonal, by Woodbury's rule."""
        from scipy.linalg import cho_factor
        from scipy.linalg import cho_solve

        total = diagonal + self.ridge
        scaled = self.factor / np.sqrt(total)[:, None]
        inner = scaled.T @ scaled
        inner[np.diag_indices_from(inner)] += 1.0
        decomposed = cho_factor(inner, lower=True, check_finite=False)

        def once(right):
            inside = cho_solve(
                decomposed, self.factor.T @ (right / total), check_finite=False
            )
            return (right - self.factor @ inside) / total

        def solve(right):
            found = once(right)
            # Woodbury's rule loses digits where the diagonal is small.
            wrong = right - self.product(found) - diagonal * found
            return found + once(wrong)

        return solve


class DenseSystem:
    """Q = K + ridge I, with all of the matrix.

    A solution costs n^3 / 3, and memory is that of two matrices.

    Args:
        kernel: Float64 array `(n, n)`; the ridge is added in place.
        ridge: Not negative.
    """

    def __init__(self, kernel, ridge):
        kernel[np.diag_indices_from(kernel)] += ridge
        self.kernel = kernel

    def product(self, b):
        """Q b."""
        return self.kernel @ b

    def solver(self, diagonal):
        """Solutions with Q plus a positive diagonal, by Cholesky's."""
        from scipy.linalg import cho_factor
        from scipy.linalg import cho_solve

        # In Fortran's order, else LAPACK works on a further copy.
        matrix = np.array(self.kernel, order="F")
        matrix[np.diag_indices_from(matrix)] += diagonal
        decomposed = cho_factor(
            matrix, lower=True, overwrite_a=True, check_finite=False
        )
        return lambda right: cho_solve(decomposed, right, check_finite=False)
