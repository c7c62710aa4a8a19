"""TrAdaBoost.R2: boosting for regression with few target labels."""

import numpy as np

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer.weighting import boosting
from keras_transfer.weighting import inputs


class TrAdaBoostR2:
    """Regression from many source labels and few of the target, by boosting.

    Formula, as `TrAdaBoost`, with losses between 0 and 1 for wrong and right:

        l_i = |y_i - h_t(x_i)| / max over all rows of it
        e_t = sum over target rows of w l / sum of their w
        target rows:  w *= ((1 - e_t) / e_t)^l
        source rows:  w *= (1 / (1 + sqrt(2 ln n / N)))^l

    and all w divided by their sum. The prediction is the median of those of
    the rounds ceil(N / 2) to N, weighted with log((1 - e_t) / e_t).

    Bad at: outliers, which the loss is divided by; target rows with a small
    share of the first weights (see `TrAdaBoost`); and large N, where the
    source rows lose nearly all weight, also good ones.

    Note:
        A learner with e_t of 1/2 or more has no vote and leaves the target's
        weights, and one without an error counts as half a row wrong; the
        paper stops there.

    Args:
        estimator: A scikit-learn regressor that takes `sample_weight`, copied
            for each round; or a function that returns a new learner, as a
            compiled Keras model with one output.
        rounds: Number of rounds N.
        target_share: Share of all weight that the target's rows have at
            first; `None` for the same weight of every row.
        fit_arguments: Dict of further arguments of the learner's `fit`.

    Attributes:
        rounds_: List of the rounds, each with `learner`, `vote` and `error`.
        source_weights_: Float32 array `(n,)` after the last round, mean 1.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> source = np.linspace(0, 1, 50)[:, None]
    >>> labels = np.where(source[:, 0] < 0.5, 0.0, 9.0)  # 9 is 1 in target
    >>> target = np.array([[0.1], [0.3], [0.7], [0.9]])
    >>> stump = DecisionTreeRegressor(max_depth=1)
    >>> model = weighting.TrAdaBoostR2(stump)
    >>> _ = model.fit(source, labels, target, [0.0, 0.0, 1.0, 1.0])
    >>> bool(model.predict([[0.8]])[0] < 5)
    True

    Reference:

    - [Pardoe & Stone, 2010, Boosting for Regression Transfer, section 4.1](
      https://icml.cc/Conferences/2010/papers/469.pdf)
    - [Drucker, 1997, Improving Regressors using Boosting Techniques]
    """

    def __init__(
        self, estimator, rounds=10, target_share=0.5, fit_arguments=None
    ):
        self.learners = boosting.Learners(estimator, fit_arguments)
        self.rounds = checked_integer("rounds", rounds, least=1)
        self.target_share = target_share

    def fit(self, source, source_labels, target, target_labels):
        """Fits the rounds.

        Args:
            source: Array `(n, ...)`, or a sparse matrix where the estimator
                takes one.
            source_labels: Numbers `(n,)`.
            target: The same for the target, `(m, ...)`.
            target_labels: Numbers `(m,)`.

        Returns:
            The object itself.

        Raises:
            ValueError: If rows and labels disagree, or a label is no finite
                number.
        """
        rows, labels, num_source = boosting.stacked(
            source, source_labels, target, target_labels
        )
        if labels.dtype.kind not in "iuf" or not np.isfinite(labels).all():
            raise invalid_argument(
                "labels", labels.dtype.name, "finite numbers for both domains"
            )
        self.rounds_, weights = boosting.boosted(
            self.learners,
            rows,
            labels.astype("float64"),
            boosting.first_weights(
                num_source, len(labels) - num_source, self.target_share
            ),
            self.rounds,
            _losses,
        )
        self.source_weights_ = inputs.unit_mean(weights)
        return self

    def predict(self, x):
        """Predictions for rows.

        Args:
            x: Rows as in `fit`.

        Returns:
            Float64 array `(rows,)`.

        Raises:
            RuntimeError: Before `fit`.
        """
        if not hasattr(self, "rounds_"):
            raise RuntimeError("Call `fit` before `predict`.")
        rows = x if inputs.is_sparse(x) else np.asarray(x)
        late, votes = boosting.voting(self.rounds_)
        found = np.stack(
            [
                _values(self.learners.predictions(each.learner, rows))
                for each in late
            ],
            axis=1,
        )
        order = found.argsort(axis=1)
        # The first whose votes, with those of all below, reach one half.
        reached = np.cumsum(votes[order], axis=1) >= 0.5 - 1e-12
        chosen = np.take_along_axis(
            order, reached.argmax(axis=1)[:, None], axis=1
        )
        return np.take_along_axis(found, chosen, axis=1)[:, 0]


def _values(found):
    """Predictions `(rows,)` from those or from one column."""
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError(
            "The learner must predict one finite number for each row. "
            f"Received: shape {found.shape}."
        )
    return found.astype("float64")


def _losses(found, labels):
    errors = np.abs(_values(found) - labels)
    return errors / (errors.max() or 1.0)
