"""Whether the source did harm: errors with and without it, compared."""

import dataclasses

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data.model_outputs import outputs_of
from keras_transfer.transferability import inputs


@dataclasses.dataclass(frozen=True)
class NegativeTransferGap:
    """Result of `negative_transfer_gap`.

    Args:
        gap: Error of the adapted model less that of the reference; negative
            where adaptation helped.
        interval: Its 95 % interval.
        adapted_error: Error rate of the adapted model.
        reference_error: Error rate of the reference.
        rows: Number of rows.

    Example:

    >>> from keras_transfer import transferability
    >>> result = transferability.NegativeTransferGap(
    ...     0.04, (0.01, 0.07), 0.24, 0.2, 500
    ... )
    >>> result.is_negative_transfer
    True
    >>> print(result)
    negative transfer: error 0.240 against 0.200 of the reference, gap +0.040
    (95 % interval +0.010 to +0.070, 500 rows)
    """

    gap: float
    interval: tuple[float, float]
    adapted_error: float
    reference_error: float
    rows: int

    @property
    def is_negative_transfer(self):
        """Whether the whole interval is above 0."""
        return self.interval[0] > 0

    def to_dict(self):
        """The fields as a dict for JSON."""
        return dataclasses.asdict(self)

    def __str__(self):
        low, high = self.interval
        if self.is_negative_transfer:
            verdict = "negative transfer"
        else:
            verdict = "positive transfer" if high < 0 else "no clear difference"
        return (
            f"{verdict}: error {self.adapted_error:.3f} against "
            f"{self.reference_error:.3f} of the reference, gap {self.gap:+.3f} "
            f"(95 % interval {low:+.3f} to {high:+.3f}, {self.rows} rows)"
        )


def negative_transfer_gap(
    adapted,
    reference,
    x,
    y,
    *,
    batch_size=32,
    num_resamples=10_000,
    seed=0,
):
    """Error on labelled target rows, with the source less without.

    Formula, for a method A, source S and target T:

        NTG = error_T(A(S, T)) - error_T(A(nothing, T))

    Positive: the source did harm. The reference is the model without the
    source (trained on the labelled target alone), or, where the target has
    no labels to train on, the model without adaptation (source-only). Both
    judge the same rows: the interval is the paired bootstrap's, which draws
    rows and thereby both errors together.

    Bad at: what it does not see. It compares two trained models and not two
    methods, so repeat it for other seeds; and the target rows must have been
    used neither for training nor for choosing a model.

    Args:
        adapted: A `keras.Model`, a trainer of this package, a layer or a
            function of a batch, which gives one score for each class; or
            what it said of the rows: class numbers `(rows,)` or scores
            `(rows, num_classes)`.
        reference: The same, for the model to compare with.
        x: Target rows, an array or a nest of arrays; `None` if both models
            are given by what they said.
        y: Class numbers `(rows,)`.
        batch_size: Rows at a time.
        num_resamples: Number of bootstrap samples.
        seed: Decides them.

    Returns:
        A `NegativeTransferGap`.

    Raises:
        ValueError: If rows disagree, or outputs are no classes.

    Example:

    >>> from keras_transfer import transferability
    >>> y = [0, 0, 1, 1, 1, 1, 0, 0]
    >>> adapted, source_only = [0] * 8, [0, 0, 1, 1, 1, 0, 0, 0]
    >>> result = transferability.negative_transfer_gap(
    ...     adapted, source_only, None, y
    ... )
    >>> result.gap, result.is_negative_transfer
    (0.375, True)

    Reference:

    - [Wang et al., 2019, Characterizing and Avoiding Negative Transfer,
      section 3](https://arxiv.org/abs/1811.09751)
    """
    if not isinstance(num_resamples, int) or num_resamples < 1:
        raise invalid_argument(
            "num_resamples", num_resamples, "a positive integer"
        )
    wrong = [
        wrong_rows(model, x, y, batch_size, name)
        for name, model in (("adapted", adapted), ("reference", reference))
    ]
    return gap_of_wrong_rows(*wrong, num_resamples, seed)


def gap_of_wrong_rows(adapted, reference, num_resamples=10_000, seed=0):
    """The gap, from which rows each model gets wrong.

    Args:
        adapted: Float or boolean array `(rows,)`, 1 where it is wrong.
        reference: The same for the reference.
        num_resamples: Number of bootstrap samples.
        seed: Decides them.

    Returns:
        A `NegativeTransferGap`.
    """
    differences = np.asarray(adapted, "float64") - reference
    rows = len(differences)
    # A row is worth -1, 0 or 1: resampling rows is drawing the three counts.
    shares = [(differences == value).mean() for value in (-1, 0, 1)]
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(rows, shares, size=num_resamples)
    gaps = (counts[:, 2] - counts[:, 0]) / rows
    low, high = np.quantile(gaps, (0.025, 0.975))
    return NegativeTransferGap(
        gap=float(differences.mean()),
        interval=(float(low), float(high)),
        adapted_error=float(np.mean(adapted)),
        reference_error=float(np.mean(reference)),
        rows=rows,
    )


def wrong_rows(model, x, y, batch_size, name):
    """Float64 `(rows,)`: 1 where a model, or what it said, is wrong."""
    is_given = isinstance(model, (np.ndarray, list, tuple))
    outputs = model if is_given else outputs_of(model, x, batch_size)
    found = inputs.predicted_classes(outputs, name)
    return (found != inputs.true_classes(y, len(found))).astype("float64")
