"""Whether adaptation did harm, guessed without target labels."""

import dataclasses

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data import feature_rows
from keras_transfer.data.model_outputs import num_rows
from keras_transfer.data.model_outputs import outputs_of
from keras_transfer.transferability import importance
from keras_transfer.transferability import inputs
from keras_transfer.weighting.discriminative import discriminative
from keras_transfer.weighting.effective_sample_size import effective_sample_size


@dataclasses.dataclass(frozen=True)
class NegativeTransferProxy:
    """Result of `negative_transfer_proxy`.

    Args:
        gap: Importance-weighted error of the adapted model less that of the
            reference, on held-out source rows.
        interval: Its 95 % interval.
        adapted_error: Weighted error of the adapted model.
        reference_error: Weighted error of the reference.
        source_gap: The gap without weights: what adaptation cost on the
            source.
        agreement: Share of target rows that both models put in one class.
        effective_rows: Number of source rows that the weighted ones are
            worth.
        rows: Number of source rows.

    Example:

    >>> from keras_transfer import transferability
    >>> result = transferability.NegativeTransferProxy(
    ...     0.1, (0.02, 0.18), 0.3, 0.2, 0.05, 0.7, 120.0, 400
    ... )
    >>> result.is_suspected
    True
    >>> print(result)
    negative transfer suspected: weighted source error 0.300 against 0.200 of
    the reference, gap +0.100 (95 % interval +0.020 to +0.180; 400 rows, worth
    120); unweighted gap +0.050; both agree on 70.0 % of the target
    """

    gap: float
    interval: tuple[float, float]
    adapted_error: float
    reference_error: float
    source_gap: float
    agreement: float
    effective_rows: float
    rows: int

    @property
    def is_suspected(self):
        """Whether the whole interval is above 0."""
        return self.interval[0] > 0

    def to_dict(self):
        """The fields as a dict for JSON."""
        return dataclasses.asdict(self)

    def __str__(self):
        low, high = self.interval
        verdict = "suspected" if self.is_suspected else "not suspected"
        return (
            f"negative transfer {verdict}: weighted source error "
            f"{self.adapted_error:.3f} against {self.reference_error:.3f} of "
            f"the reference, gap {self.gap:+.3f} (95 % interval {low:+.3f} to "
            f"{high:+.3f}; {self.rows} rows, worth "
            f"{self.effective_rows:.0f}); unweighted gap "
            f"{self.source_gap:+.3f}; both agree on "
            f"{100 * self.agreement:.1f} % of the target"
        )


def negative_transfer_proxy(
    adapted,
    reference,
    source_validation,
    target,
    *,
    features=None,
    batch_size=32,
    regularization=1.0,
    seed=0,
):
    """Guess of `negative_transfer_gap` without target labels.

    Formula, with source rows x_i that nothing was trained on, w the density
    ratio of target to source in the features and d_i = 1, 0 or -1 where the
    adapted model alone, both or none, or the reference alone is wrong:

        gap = sum_i w(x_i) d_i / sum_i w(x_i)

    w comes from a logistic regression of the domains (out of fold). The
    interval is that of a weighted mean and takes w as given. Beside it stand
    the gap without weights, and the share of the target on which the models
    agree: they can differ in error by no more than one less that share.

    Bad at: shifts that change the labels of equal features, and targets that
    the source does not cover: `effective_rows` is small then, and the gap
    belongs to the few source rows that look like the target. Holds for
    covariate shift only. A clear gap is a reason to label a few target rows
    and take `negative_transfer_gap`; no gap is no proof.

    Args:
        adapted: A `keras.Model`, a trainer of this package, a layer or a
            function of a batch, that gives one score for each class; or what
            it said, as a pair for the source and the target rows.
        reference: The same for the source-only model.
        source_validation: Pair `(x, y)` of held-out source rows and class
            numbers.
        target: Target rows without labels.
        features: A model, layer or function to features, or a pair of arrays
            `(rows, width)` for source and target. By default the scores of
            the reference: the shift as far as it sees it.
        batch_size: Rows at a time.
        regularization: As for `proxy_a_distance`.
        seed: Decides the folds.

    Returns:
        A `NegativeTransferProxy`.

    Raises:
        ValueError: If rows disagree, or outputs are no classes.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import transferability
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = (x[:, 0] > 0).astype(int)
    >>> right, wrong = np.eye(2)[y], np.eye(2)[1 - y]
    >>> result = transferability.negative_transfer_proxy(
    ...     (wrong, wrong), (right, right), (x, y), x, features=(x, x)
    ... )
    >>> result.gap, result.agreement, result.is_suspected
    (1.0, 0.0, True)

    Reference:

    - [Sugiyama et al., 2007, Covariate Shift Adaptation by Importance
      Weighted Cross Validation, eq. 5](
      https://jmlr.org/papers/v8/sugiyama07a.html)
    """
    x, y = _pair(source_validation, "source_validation", "(x, y)")
    both = (x, target)
    adapted = _outputs(adapted, both, batch_size, "adapted")
    reference = _outputs(reference, both, batch_size, "reference")
    if features is None:
        features = reference
    features = _outputs(features, both, batch_size, "features")
    weights = source_weights(*features, regularization, seed)
    wrong, classes = [], []
    for name, outputs in (("adapted", adapted), ("reference", reference)):
        found = inputs.predicted_classes(outputs[0], name)
        wrong.append(found != inputs.true_classes(y, len(found)))
        classes.append(inputs.predicted_classes(outputs[1], name))
    agreement = float((classes[0] == classes[1]).mean())
    return proxy_of_wrong_rows(*wrong, weights, agreement)


def source_weights(source_features, target_features, regularization, seed):
    """Density ratios of the source rows, from features of both domains."""
    source = feature_rows.feature_rows(source_features, "features")
    target = feature_rows.feature_rows(target_features, "features")
    weights = discriminative(
        source, target, degree=1, regularization=regularization, seed=seed
    )
    return weights.astype("float64")


def proxy_of_wrong_rows(adapted, reference, weights, agreement):
    """The proxy, from which source rows each model gets wrong.

    Args:
        adapted: Boolean or float array `(rows,)`, 1 where it is wrong.
        reference: The same for the reference.
        weights: Float64 array `(rows,)`.
        agreement: Share of the target on which they agree.

    Returns:
        A `NegativeTransferProxy`.
    """
    differences = np.asarray(adapted, "float64") - reference
    gap, interval = importance.weighted_mean(differences, weights)
    shares = weights / weights.sum()
    return NegativeTransferProxy(
        gap=gap,
        interval=interval,
        adapted_error=float(shares @ adapted),
        reference_error=float(shares @ reference),
        source_gap=float(differences.mean()),
        agreement=agreement,
        effective_rows=effective_sample_size(weights),
        rows=len(differences),
    )


def _pair(given, name, expected):
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise invalid_argument(name, type(given).__name__, f"a pair {expected}")
    return given


def _outputs(given, both, batch_size, name):
    """What is given for the source and the target rows, as arrays."""
    if not callable(given):
        given = _pair(given, name, "(of the source, of the target), or a model")
    else:
        given = [outputs_of(given, x, batch_size) for x in both]
    for outputs, x in zip(given, both, strict=True):
        if len(outputs) != num_rows(x):
            raise ValueError(
                f"`{name}` has {len(outputs)} rows for {num_rows(x)} rows of "
                "data. Expected one for each."
            )
    return tuple(np.asarray(outputs) for outputs in given)
