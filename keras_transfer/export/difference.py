"""How far an export is from its model."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far the answers of a signature are from those of the model.

    Args:
        largest: Largest absolute difference of a number, relative to the
            largest number of the output where that is above 1.
        agreement: Share of rows whose best class, or string, is the same;
            `None` where an output has neither.

    Example:

    >>> from keras_transfer import export
    >>> export.Difference(1e-6, 1.0).largest
    1e-06
    """

    largest: float
    agreement: float | None = None
