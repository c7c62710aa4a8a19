"""The estimator of `as_transformer`; imports scikit-learn."""

import inspect

import keras
import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from keras_transfer._public import invalid_argument


class LayerTransformer(TransformerMixin, BaseEstimator):
    """See `as_transformer`.

    Args:
        layer: A `SubspaceLayer`.
    """

    def __init__(self, layer):
        self.layer = layer

    def __sklearn_clone__(self):
        return type(self)(_fresh(self.layer))

    def fit(self, X, y=None, target=None, sample_domain=None):
        """Adapts a fresh layer.

        Args:
            X: Rows of the source; of both domains with `sample_domain`.
            y: Labels of `X`, for layers that use them.
            target: Rows of the target, without `sample_domain`.
            sample_domain: Numbers above zero for rows of the source and below
                for rows of the target.

        Returns:
            Itself.

        Raises:
            ValueError: If neither or both of the last two are given.
        """
        if (target is None) == (sample_domain is None):
            raise invalid_argument(
                "target",
                target,
                "rows of the target, or `sample_domain` instead",
                "In a pipeline pass them to fit with the name of the step, as "
                "align__target=x_target.",
            )
        if sample_domain is not None:
            is_source = _is_source(sample_domain, X)
            X, target = X[is_source], X[~is_source]
            y = None if y is None else np.asarray(y)[is_source]
        self.layer_ = _fresh(self.layer)
        self.layer_.adapt(X, target, y)
        self.n_features_in_ = X.shape[1]
        return self

    def fit_transform(self, X, y=None, target=None, sample_domain=None):
        """`fit`, and the rows through the side of the source, or their own."""
        self.fit(X, y, target, sample_domain)
        if sample_domain is None:
            return self._mapped(X, "source")
        return self.transform(X, sample_domain)

    def transform(self, X, sample_domain=None):
        """Rows through the side of the target, or of their own domain."""
        check_is_fitted(self, "layer_")
        if sample_domain is None:
            return self._mapped(X, "target")
        is_source = _is_source(sample_domain, X)
        parts = {}
        for domain, chosen in (("source", is_source), ("target", ~is_source)):
            if chosen.any():
                parts[domain] = chosen, self._mapped(X[chosen], domain)
        width = {part.shape[1:] for _, part in parts.values()}.pop()
        outputs = np.empty((len(is_source), *width), dtype=self.layer_.dtype)
        for chosen, part in parts.values():
            outputs[chosen] = part
        return outputs

    def _mapped(self, rows, domain):
        if scipy.sparse.issparse(rows):
            rows = rows.toarray()
        outputs = self.layer_(np.asarray(rows), domain=domain)
        return keras.ops.convert_to_numpy(outputs)


def _fresh(layer):
    """A layer that is not adapted, made with the same arguments."""
    parameters = inspect.signature(type(layer).__init__).parameters.values()
    arguments = {
        parameter.name: getattr(layer, parameter.name)
        for parameter in parameters
        if parameter.name != "self"
        and parameter.kind is not parameter.VAR_KEYWORD
    }
    return type(layer)(**arguments, dtype=layer.dtype_policy)


def _is_source(sample_domain, rows):
    numbers = np.asarray(sample_domain)
    if numbers.shape != (rows.shape[0],) or numbers.dtype.kind not in "iuf":
        raise invalid_argument(
            "sample_domain",
            f"{numbers.dtype.name} of shape {numbers.shape}",
            f"one number for each of the {rows.shape[0]} rows",
        )
    if (numbers == 0).any():
        raise ValueError(
            "`sample_domain` has zeros. Expected numbers above zero for rows "
            "of the source and below zero for rows of the target."
        )
    return numbers > 0
