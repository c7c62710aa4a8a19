"""What weights are like, before they are trusted."""

import dataclasses

import numpy as np

from keras_transfer import _tables
from keras_transfer.weighting import inputs
from keras_transfer.weighting.effective_sample_size import effective_sample_size

#: Share of the rows below which few rows decide.
_FEW = 0.1
#: Rows below which any estimate is rough.
_LEAST_ROWS = 30
#: Times the mean.
_LARGE = 50.0


@dataclasses.dataclass(frozen=True)
class WeightReport:
    """Result of `report`.

    Args:
        rows: Number of rows.
        effective_rows: The effective sample size.
        largest: Largest weight, in units of the mean.
        top_share: Share of all weight that the heaviest hundredth of the
            rows has, one row at least.
        zero_share: Share of the rows whose weight is below a thousandth of
            the mean.
        warnings: Sentences about what is dubious; none if nothing is.

    Example:

    >>> from keras_transfer import weighting
    >>> print(weighting.WeightReport(200, 150.0, 4.0, 0.03, 0.1, ()))
    rows  effective  share  largest  top 1 %  near zero
    ----  ---------  -----  -------  -------  ---------
     200      150.0  0.750    4.000    0.030      0.100
    """

    rows: int
    effective_rows: float
    largest: float
    top_share: float
    zero_share: float
    warnings: tuple[str, ...]

    def to_dict(self):
        """The fields as a dict for JSON."""
        return dataclasses.asdict(self)

    def __str__(self):
        table = _tables.lines(
            ["rows", "effective", "share", "largest", "top 1 %", "near zero"],
            [
                [
                    self.rows,
                    f"{self.effective_rows:.1f}",
                    self.effective_rows / self.rows,
                    self.largest,
                    self.top_share,
                    self.zero_share,
                ]
            ],
        )
        return "\n".join([*table, *self.warnings])


def report(weights):
    """Effective sample size, largest weights, and what is dubious.

    Formula, with w the weights and n their number:

        effective rows = (sum_i w_i)^2 / sum_i w_i^2
        largest = max_i w_i / mean(w)
        top share = sum of the ceil(n / 100) largest / sum of all

    It warns where less than a tenth of the rows, or fewer than 30 of more,
    are effective, and where a weight is more than 50 times the mean.

    Bad at: telling whether weights are right. Equal ones look best.

    Args:
        weights: Array `(n,)`, not negative and not all zero.

    Returns:
        A `WeightReport`, which prints as a table.

    Raises:
        ValueError: If the weights are none.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> found = weighting.report(np.append(np.ones(99), 99.0))
    >>> round(found.effective_rows, 2), round(found.top_share, 2)
    (3.96, 0.5)
    >>> print(found.warnings[0])
    Only 4.0 of 100 rows are effective: a weighted mean is as rough as one of
    so few. Flatten with `clip`, or use `rulsif`.

    Reference:

    - [Kish, 1965, Survey Sampling, section 11.7](
      https://doi.org/10.1002/bimj.19680100122)
    """
    weights = inputs.checked_weights(weights)
    rows = len(weights)
    weights = weights / weights.max()
    mean = weights.mean()
    effective = effective_sample_size(weights)
    largest = 1.0 / mean
    top = np.sort(weights)[-max(1, -(-rows // 100)) :]
    return WeightReport(
        rows=rows,
        effective_rows=effective,
        largest=float(largest),
        top_share=float(top.sum() / weights.sum()),
        zero_share=float((weights < 1e-3 * mean).mean()),
        warnings=tuple(_warnings(rows, effective, largest)),
    )


def _warnings(rows, effective, largest):
    if effective < _FEW * rows or effective < _LEAST_ROWS <= rows:
        yield (
            f"Only {effective:.1f} of {rows} rows are effective: a weighted "
            "mean is as rough as one of so few. Flatten with `clip`, or use "
            "`rulsif`."
        )
    if largest > _LARGE:
        yield (
            f"One row weighs {largest:.0f} times the mean, and a training step "
            "with it is as much larger. Cut off with `clip`."
        )
