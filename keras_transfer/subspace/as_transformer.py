"""Subspace layers in scikit-learn's pipelines."""

from keras_transfer._public import invalid_argument
from keras_transfer.subspace.subspace_layer import SubspaceLayer


def as_transformer(layer):
    """A scikit-learn transformer around a subspace layer.

    `fit` adapts a fresh layer with the same arguments, which is `layer_`
    afterwards; the one given stays as it is. As scikit-learn fits with
    `fit_transform` and predicts with `transform`, the first gives the side of
    the source and the second that of the target:

        pipeline.fit(x_source, y_source, align__target=x_target)
        pipeline.predict(x_target)

    `sample_domain` is skada's form instead: rows of both domains together,
    with a number above zero for those of the source and below for those of
    the target, whose labels are not read. Rows then go through the side of
    their own domain. A label of the target that a later step sees is that
    step's affair.

    Bad at: large data; arrays go through the layer in one piece.

    Args:
        layer: A `SubspaceLayer`, adapted or not.

    Returns:
        An estimator with `fit(X, y=None, target=None, sample_domain=None)`,
        `transform(X, sample_domain=None)` and `fit_transform`, of arrays
        `(rows, width)`, that can be cloned.

    Raises:
        ValueError: If it is no subspace layer.

    Example:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import Pipeline
    >>> import keras_transfer as kt
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> y = (x[:, 0] > 0).astype(int)
    >>> align = kt.subspace.Coral(regularization=0.01, match_means=True)
    >>> pipeline = Pipeline(
    ...     [
    ...         ("align", kt.subspace.as_transformer(align)),
    ...         ("classify", LogisticRegression()),
    ...     ]
    ... )
    >>> target = 3 * x + 5
    >>> pipeline = pipeline.fit(x, y, align__target=target)
    >>> bool(pipeline.score(target, y) > 0.9)
    True

    Reference:

    - [Gnassounou et al., 2024, SKADA: Scikit Domain Adaptation, section
      2](https://arxiv.org/abs/2407.11676)
    """
    if not isinstance(layer, SubspaceLayer):
        raise invalid_argument(
            "layer", layer, "a layer of keras_transfer.subspace"
        )
    from keras_transfer.subspace.layer_transformer import LayerTransformer

    return LayerTransformer(layer)
