"""The rounds of boosting that let go of source rows the target contradicts."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data import checks
from keras_transfer.weighting import inputs


@dataclasses.dataclass(frozen=True)
class Round:
    """What came out of a round.

    Args:
        learner: The fitted learner.
        vote: Its weight in the final decision, not negative.
        error: Its weighted error on the target.
    """

    learner: Any
    vote: float
    error: float


def boosted(learners, rows, labels, weights, rounds, losses, classes=2):
    """Fits the rounds.

    Args:
        learners: A `Learners`.
        rows: Both domains' rows, the source's first.
        labels: Both domains' labels.
        weights: Pair of first weights, of the source and of the target.
        rounds: Number of rounds N.
        losses: Function of predictions and labels to losses from 0 to 1.
        classes: Number of classes; 2 for a regression.

    Returns:
        Pair of the list of `Round`s and the weights of the source `(n,)`
        after the last one.
    """
    count, num_source = len(labels), len(weights[0])
    weights = np.concatenate(weights)
    weights /= weights.sum()
    shrink = np.log1p(np.sqrt(2.0 * np.log(num_source) / rounds))
    found = []
    for _ in range(rounds):
        # Mean one: regularised learners and step sizes see usual weights.
        learner = learners.fitted(rows, labels, weights * count)
        loss = losses(learners.predictions(learner, rows), labels)
        of_target = weights[num_source:] / weights[num_source:].sum()
        error = float(of_target @ loss[num_source:])
        vote = _vote(error, count - num_source, classes)
        found.append(Round(learner, vote, error))
        weights[:num_source] *= np.exp(-shrink * loss[:num_source])
        weights[num_source:] *= np.exp(vote * loss[num_source:])
        weights /= weights.sum()
    return found, weights[:num_source]


def first_weights(num_source, num_target, target_share):
    """Equal weights within each domain.

    Args:
        num_source: Number of source rows.
        num_target: Number of target rows.
        target_share: Share of all weight that the target's rows have, or
            `None` for equal weights of all rows.

    Returns:
        Pair of float64 arrays `(num_source,)` and `(num_target,)`.

    Raises:
        ValueError: If the share is not between 0 and 1.
    """
    if target_share is None:
        target_share = num_target / (num_source + num_target)
    if not 0 < target_share < 1:
        raise invalid_argument(
            "target_share", target_share, "a number between 0 and 1, or None"
        )
    return (
        np.full(num_source, (1.0 - target_share) / num_source),
        np.full(num_target, target_share / num_target),
    )


def _vote(error, num_target, classes):
    """log(1 / beta_t); 0 for a learner that is no better than chance."""
    # A learner without an error would decide alone: half a row is wrong.
    error = max(error, 0.5 / num_target)
    chance = 1.0 - 1.0 / classes
    if error >= chance:
        return 0.0
    return float(np.log((1.0 - error) / error) + np.log(classes - 1.0))


def voting(rounds):
    """The last half of the rounds and their votes, which sum to one."""
    late = rounds[-(-len(rounds) // 2) - 1 :]
    votes = np.array([each.vote for each in late])
    if not votes.any():
        votes = np.ones(len(late))
    return late, votes / votes.sum()


class Learners:
    """Makes, fits and asks learners of either kind.

    Args:
        estimator: A scikit-learn estimator, copied for each round, or a
            function without arguments that returns a new learner: a compiled
            Keras model, or anything with `fit` and `predict`.
        fit_arguments: Dict of further arguments of `fit`, or `None`.
    """

    def __init__(self, estimator, fit_arguments):
        if isinstance(estimator, keras.Model):
            raise invalid_argument(
                "estimator",
                type(estimator).__name__,
                "a function that returns a new compiled Keras model",
                "Each round trains one from the start: pass a `build_model`.",
            )
        if not hasattr(estimator, "get_params") and not callable(estimator):
            raise invalid_argument(
                "estimator",
                type(estimator).__name__,
                "a scikit-learn estimator, or a function that returns a "
                "learner",
            )
        self.estimator = estimator
        self.fit_arguments = dict(fit_arguments or {})

    def fitted(self, rows, labels, weights):
        """A new learner, fitted to weighted rows."""
        learner = self._new()
        arguments = {_weight_name(learner): weights, **self.fit_arguments}
        if isinstance(learner, keras.Model):
            checks.check_finite(rows, "The two domains together")
            arguments = {"verbose": 0, **arguments}
        learner.fit(rows, labels, **arguments)
        return learner

    @staticmethod
    def predictions(learner, rows):
        """What a learner says of rows, as an array."""
        if isinstance(learner, keras.Model):
            return np.asarray(learner.predict(rows, verbose=0))
        return np.asarray(learner.predict(rows))

    def _new(self):
        if hasattr(self.estimator, "get_params"):
            from sklearn.base import clone

            return clone(self.estimator)
        return self.estimator()


def _weight_name(learner):
    """The name under which `fit` takes weights."""
    steps = getattr(learner, "steps", None)
    if steps is None:
        return "sample_weight"
    # A pipeline passes on what is named after a step.
    return f"{steps[-1][0]}__sample_weight"


def stacked(source, source_labels, target, target_labels):
    """Rows and labels of both domains in one, the source's first.

    Args:
        source: Array `(n, ...)` or sparse matrix `(n, d)`.
        source_labels: Array `(n,)`.
        target: The same for the target.
        target_labels: Array `(m,)`.

    Returns:
        Triple of the rows, the labels and n.

    Raises:
        ValueError: If rows are missing or shapes disagree.
    """
    pairs = (
        ("source", source, source_labels),
        ("target", target, target_labels),
    )
    rows, labels = [], []
    for name, given, given_labels in pairs:
        given = given if inputs.is_sparse(given) else np.asarray(given)
        given_labels = np.asarray(given_labels)
        num_labels = given_labels.shape[0] if given_labels.ndim == 1 else None
        if given.ndim < 2 or not given.shape[0] == num_labels > 0:
            raise ValueError(
                f"The {name} must have rows of shape (rows, ...) and one label "
                f"for each. Received: {given.shape} and {given_labels.shape}."
            )
        rows.append(given)
        labels.append(given_labels)
    if rows[0].shape[1:] != rows[1].shape[1:]:
        raise ValueError(
            "Source and target must have rows of the same shape. Received: "
            f"{rows[0].shape[1:]} and {rows[1].shape[1:]}."
        )
    if any(map(inputs.is_sparse, rows)):
        from scipy.sparse import vstack

        both = vstack(rows, format="csr")
    else:
        both = np.concatenate(rows)
    return both, np.concatenate(labels), rows[0].shape[0]
