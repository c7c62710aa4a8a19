"""The parts of the bound on the target error, estimated."""

import dataclasses

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data import feature_rows
from keras_transfer.transferability import inputs
from keras_transfer.transferability.proxy_a_distance import proxy_a_distance
from keras_transfer.weighting import domain_classifier


@dataclasses.dataclass(frozen=True)
class BenDavidBound:
    """Result of `ben_david_bound`.

    Args:
        source_error: Error of the classifier on the source.
        source_interval: Its 95 % interval.
        divergence: Half the divergence of the domains, 1 less twice the error
            of a domain classifier, at least 0.
        divergence_interval: Its 95 % interval.
        joint_error: Summed errors on both domains of one classifier for both,
            or `None` without target labels.
        target_error: Error on the target, or `None` without its labels.

    Example:

    >>> from keras_transfer import transferability
    >>> report = transferability.BenDavidBound(
    ...     0.1, (0.05, 0.2), 0.3, (0.2, 0.4), 0.15, 0.35
    ... )
    >>> round(report.total, 2)
    0.55
    >>> print(str(report).splitlines()[0])
    source error         0.100 (95 % interval 0.050 to 0.200)
    """

    source_error: float
    source_interval: tuple[float, float]
    divergence: float
    divergence_interval: tuple[float, float]
    joint_error: float | None
    target_error: float | None

    @property
    def total(self):
        """Sum of the parts, without the joint error where it is unknown."""
        return self.source_error + self.divergence + (self.joint_error or 0.0)

    def to_dict(self):
        """The fields and the sum as a dict for JSON."""
        return {**dataclasses.asdict(self), "total": self.total}

    def __str__(self):
        lines = [
            ("source error", _figure(self.source_error, self.source_interval)),
            (
                "half the divergence",
                _figure(self.divergence, self.divergence_interval)
                + "; of a linear domain classifier, the supremum may be more",
            ),
        ]
        if self.joint_error is None:
            lines.append(("joint error", "unknown, it needs target labels"))
        else:
            lines.append(
                (
                    "joint error",
                    f"{self.joint_error:.3f}; of one linear classifier, the "
                    "best may have less",
                )
            )
        vacuous = "; says nothing above 1" if self.total >= 1 else ""
        lines.append(
            ("sum of what is known", f"{self.total:.3f}, no guarantee{vacuous}")
        )
        if self.target_error is not None:
            lines.append(("target error", f"{self.target_error:.3f}"))
        return "\n".join(f"{name:<20} {value}" for name, value in lines)


def ben_david_bound(
    source_features,
    source_labels,
    target_features,
    target_labels=None,
    *,
    source_predictions=None,
    target_predictions=None,
    folds=5,
    regularization=1.0,
    max_rows=2000,
    seed=0,
):
    """Estimates of the three parts that bound the error on the target.

    Formula, for every classifier h of a class H:

        error_T(h) <= error_S(h) + d(S, T) / 2 + lambda
        lambda = min over h* in H of error_S(h*) + error_T(h*)

    What is estimated, on held-out rows throughout:

    - error_S: of the given predictions, or of a logistic regression on the
      features.
    - d / 2: 1 - 2 e, with e the error of a linear domain classifier, as in
      `proxy_a_distance`. The bound asks for the supremum over pairs of
      classifiers, so this is too small rather than too large.
    - lambda: the summed errors of a logistic regression that is fitted to
      both domains; any classifier's is at least lambda, so this is too large
      rather than too small. It cannot be known without target labels; and
      where it is large, aligning the domains does not help.

    Use it to see which part is in the way, not as a guarantee: the terms for
    finite samples are left out, and the sum is often above 1, where it says
    nothing.

    Args:
        source_features: Array `(num_source, width)` of rows that the features
            were not trained on.
        source_labels: Integers or strings `(num_source,)`; class numbers
            where predictions are given.
        target_features: Array `(num_target, width)`.
        target_labels: The same for the target, or `None`.
        source_predictions: Class numbers `(num_source,)` or scores
            `(num_source, num_classes)` of the classifier in question.
        target_predictions: The same for the target.
        folds: Number of folds.
        regularization: As for `proxy_a_distance`.
        max_rows: Rows to draw of each domain at most, or `None`.
        seed: Decides the rows and the folds.

    Returns:
        A `BenDavidBound`.

    Raises:
        ValueError: If rows disagree, or are fewer than folds.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import transferability
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = (x[:, 0] > 0).astype(int)
    >>> report = transferability.ben_david_bound(x[:100], y[:100], x[100:])
    >>> report.source_error < 0.1, report.joint_error is None
    (True, True)

    Reference:

    - [Ben-David et al., 2010, A Theory of Learning from Different Domains,
      theorem 2](https://doi.org/10.1007/s10994-009-5152-4)
    """
    domain_classifier.check_settings(folds, regularization, max_rows, seed)
    source = _Domain(
        "source", source_features, source_labels, source_predictions
    )
    target = _Domain(
        "target", target_features, target_labels, target_predictions
    )
    _check_pair(source, target, folds)
    generator = np.random.default_rng(seed)
    source.draw(max_rows, generator)
    target.draw(max_rows, generator)
    classifier = domain_classifier.linear_classifier(regularization)
    options = {"classifier": classifier, "folds": folds, "seed": seed}
    wrong = source.wrong(**options)
    interval = domain_classifier.error_interval(wrong.sum(), len(wrong))
    distance = proxy_a_distance(
        source.features, target.features, max_rows=None, **options
    )
    return BenDavidBound(
        source_error=float(wrong.mean()),
        source_interval=interval,
        divergence=distance.distance / 2,
        divergence_interval=tuple(d / 2 for d in distance.interval),
        joint_error=_joint_error(source, target, **options),
        target_error=_target_error(source, target, classifier),
    )


class _Domain:
    """Rows of a domain, with what is known of them."""

    def __init__(self, name, features, labels, predictions):
        self.name = name
        self.features = feature_rows.feature_rows(features, f"{name}_features")
        self.labels = labels
        self.predictions = None
        if labels is not None:
            feature_rows.class_numbers(labels, len(self.features))
            self.labels = np.asarray(labels)
        if predictions is not None:
            self._add(predictions)

    def draw(self, size, generator):
        """Keeps at most `size` of the rows."""
        rows = domain_classifier.sample(len(self.features), size, generator)
        for name in ("features", "labels", "predictions"):
            values = getattr(self, name)
            setattr(self, name, None if values is None else values[rows])

    def wrong(self, classifier, folds, seed):
        """Where the predictions, or held-out ones, are wrong."""
        found = self.predictions
        if found is None:
            found = domain_classifier.held_out(
                classifier, self.features, self.labels, folds, seed
            )
        return found != self.labels

    def _add(self, predictions):
        """Takes what a classifier said; labels are class numbers then."""
        rows = len(self.features)
        self.predictions = inputs.predicted_classes(
            predictions, f"{self.name}_predictions"
        )
        if len(self.predictions) != rows:
            raise ValueError(
                f"`{self.name}_predictions` has {len(self.predictions)} rows "
                f"and the features have {rows}. Expected one for each."
            )
        if self.labels is not None:
            self.labels = inputs.true_classes(
                self.labels, rows, f"{self.name}_labels"
            )


def _check_pair(source, target, folds):
    if source.labels is None:
        raise invalid_argument("source_labels", None, "one label for each row")
    if target.predictions is not None and source.predictions is None:
        raise ValueError(
            "`target_predictions` are given without `source_predictions`. "
            "Expected both, of one classifier, or neither."
        )
    domain_classifier.check_rows(source.features, target.features, folds)


def _joint_error(source, target, classifier, folds, seed):
    """Errors on both domains of one classifier that is fitted to both."""
    if target.labels is None:
        return None
    features = np.concatenate([source.features, target.features])
    labels = np.concatenate([source.labels, target.labels])
    found = domain_classifier.held_out(
        classifier, features, labels, folds, seed
    )
    wrong = found != labels
    size = len(source.labels)
    return float(wrong[:size].mean() + wrong[size:].mean())


def _target_error(source, target, classifier):
    """Error on the target of the classifier whose source error is shown."""
    if target.labels is None:
        return None
    found = target.predictions
    if source.predictions is None:
        fitted = classifier.fit(source.features, source.labels)
        found = fitted.predict(target.features)
    return None if found is None else float((found != target.labels).mean())


def _figure(value, interval):
    low, high = interval
    return f"{value:.3f} (95 % interval {low:.3f} to {high:.3f})"
