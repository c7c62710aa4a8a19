"""TrAdaBoost: boosting for few target labels beside many of the source."""

import numpy as np

from keras_transfer._public import checked_integer
from keras_transfer.data.checks import checked_labels
from keras_transfer.weighting import boosting
from keras_transfer.weighting import inputs


class TrAdaBoost:
    """Classifier from many source labels and few of the target, by boosting.

    Formula, with n source and m target rows, N rounds, weights w that begin
    equal within each domain, and h_t the learner of round t, fitted with w:

        e_t = sum over target rows of w 1[h_t wrong] / sum of their w
        target rows that are wrong:  w *= (1 - e_t) / e_t
        source rows that are wrong:  w *= 1 / (1 + sqrt(2 ln n / N))

    and all w divided by their sum. So source rows that contradict the target
    lose their say. Rounds ceil(N / 2) to N vote, each with
    log((1 - e_t) / e_t).

    Bad at: target rows with a small share of the first weights, as with
    `target_share=None` and few of them: a learner that sides with the source
    is never wrong there, so that nothing changes from round to round. Very
    few rows are soon known by heart. It needs target labels; without any use
    the other weights of this package.

    Note:
        Where the paper says nothing: a learner that is no better than chance
        has no vote and leaves the target's weights; one without an error
        counts as half a row wrong. With K classes chance is 1 - 1/K, and
        log(K - 1) is added to a vote, as in SAMME (Zhu et al., 2009).

    Args:
        estimator: A scikit-learn classifier that takes `sample_weight`,
            copied for each round; or a function that returns a new learner,
            as a compiled Keras model with one output for each class (or one
            probability) for integer labels.
        rounds: Number of rounds N.
        target_share: Share of all weight that the target's rows have at
            first; `None` for the same weight of every row.
        fit_arguments: Dict of further arguments of the learner's `fit`, as
            `{"epochs": 5}`.

    Attributes:
        classes_: The labels that occur, sorted.
        rounds_: List of the rounds, each with `learner`, `vote` and `error`.
        source_weights_: Float32 array `(n,)` after the last round, mean 1.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> source = np.linspace(-1, 1, 40)[:, None]
    >>> target = np.array([[-0.9], [0.2], [0.4], [0.9]])
    >>> stump = DecisionTreeClassifier(max_depth=1)
    >>> model = weighting.TrAdaBoost(stump)
    >>> _ = model.fit(
    ...     source, (source[:, 0] > 0).astype(int), target, [0, 0, 1, 1]
    ... )
    >>> model.predict([[-0.5], [0.2], [0.7]])
    array([0, 0, 1])

    Reference:

    - [Dai et al., 2007, Boosting for Transfer Learning, algorithm 1](
      https://doi.org/10.1145/1273496.1273521)
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
            source_labels: Integers or strings `(n,)`.
            target: The same for the target, `(m, ...)`.
            target_labels: Integers or strings `(m,)`.

        Returns:
            The object itself.

        Raises:
            ValueError: If rows and labels disagree, or all labels are one.
        """
        rows, labels, num_source = boosting.stacked(
            source,
            checked_labels(source_labels),
            target,
            checked_labels(target_labels),
        )
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                "All labels of both domains are one class. Expected two "
                f"classes or more. Received: {self.classes_.tolist()}."
            )
        self.rounds_, weights = boosting.boosted(
            self.learners,
            rows,
            numbers,
            boosting.first_weights(
                num_source, len(labels) - num_source, self.target_share
            ),
            self.rounds,
            lambda found, labels: (_numbers(found) != labels).astype(float),
            classes=len(self.classes_),
        )
        self.source_weights_ = inputs.unit_mean(weights)
        return self

    def predict(self, x):
        """Labels of rows.

        Args:
            x: Rows as in `fit`.

        Returns:
            Array `(rows,)`.
        """
        shares = self.vote_shares(x)
        return self.classes_[shares.argmax(axis=1)]

    def vote_shares(self, x):
        """Shares of the votes that the classes get, no probabilities.

        Args:
            x: Rows as in `fit`.

        Returns:
            Float64 array `(rows, num_classes)`, each row with the sum 1.

        Raises:
            RuntimeError: Before `fit`.
        """
        if not hasattr(self, "rounds_"):
            raise RuntimeError("Call `fit` before `predict`.")
        rows = x if inputs.is_sparse(x) else np.asarray(x)
        shares = np.zeros((rows.shape[0], len(self.classes_)))
        for each, vote in zip(*boosting.voting(self.rounds_), strict=True):
            found = _numbers(self.learners.predictions(each.learner, rows))
            shares[np.arange(len(found)), found] += vote
        return shares


def _numbers(found):
    """Class numbers from numbers, one probability, or one score a class."""
    if found.ndim == 1:
        return found.astype("int64")
    if found.shape[1] == 1:
        return (found[:, 0] > 0.5).astype("int64")
    return found.argmax(axis=1)
