"""From raw rows of a table to features."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.data.label_columns import MISSING
from keras_transfer.data.table_statistics import TableStatistics

_BLOCK_ROWS = 8192


@public("data")
class TablePreparation(keras.layers.Layer):
    """Makes features of raw rows: fills gaps, marks them, scales, encodes.

    Formula, for a column of numbers with the median q, and the mean m and
    the variance v that the column has once its gaps are filled with q:

        x' = (x - m) / sqrt(v), with x = q if it is NaN

    and for a column of categories with the values c_1, ..., c_k, the most
    frequent first, which also fills the gaps:

        x' = (x = c_1, ..., x = c_k), as 0 or 1

    all 0 for a value that `adapt` did not see. With `indicators`, each column
    that had gaps gets one more feature, 1 where the value is missing. The
    order is: numbers, their indicators, categories, their indicators.

    The layer takes a float matrix `(rows, columns)` with NaN, or a dict of
    columns `(rows,)` as `csv_table` gives: strings are categories, all else
    numbers. As part of the model it is saved and exported with it, and the
    served model takes raw rows.

    Bad at: gaps that say something together, numbers with a long tail (take
    the logarithm before), categories with many values; a value that a trainer
    of this package shall check for NaN: it refuses raw rows, so apply the
    layer before (`numpy.asarray(preparation(x))`).

    Args:
        indicators: Whether columns with gaps get an indicator.
        max_categories: Most categories of a column; the less frequent ones
            are treated as unseen.
        missing: Strings that stand for a missing category, after spaces at
            both ends are cut.
        statistics: What `adapt` found, as `get_config` gives it, or `None`.
        **kwargs: Passed to `keras.layers.Layer`.

    Attributes:
        feature_names: Names of the features, in their order, such as
            `"age"`, `"age missing"`, `"job=clerk"`.

    Input shape: `(rows, columns)`, or a dict of `(rows,)`.

    Output shape: `(rows, features)`.

    Note: medians are exact for up to 100,000 rows (fewer if there are more
    than 160 columns), and beyond that those of a sample of as many; a column
    without any value is filled with 0, one without variance is not scaled.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> x = np.array([[1.0, 5.0], [np.nan, 7.0], [3.0, 9.0]], "float32")
    >>> preparation = kt.data.TablePreparation()
    >>> preparation.adapt(x)
    >>> preparation.feature_names
    ['column 0', 'column 1', 'column 0 missing']
    >>> np.asarray(preparation(x)).round(2)
    array([[-1.22, -1.22,  0.  ],
           [ 0.  ,  0.  ,  1.  ],
           [ 1.22,  1.22,  0.  ]], dtype=float32)

    Reference:

    - [scikit-learn: SimpleImputer with add_indicator, StandardScaler and
      OneHotEncoder](https://scikit-learn.org/stable/modules/impute.html),
      which give the same features
    """

    def __init__(
        self,
        indicators=True,
        max_categories=100,
        missing=MISSING,
        statistics=None,
        **kwargs,
    ):
        if not isinstance(max_categories, int) or max_categories < 1:
            raise invalid_argument(
                "max_categories", max_categories, "a positive integer"
            )
        if isinstance(missing, str):
            raise invalid_argument("missing", missing, "a sequence of strings")
        # Raw numbers do not fit half precision.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.indicators = bool(indicators)
        self.max_categories = max_categories
        self.missing = tuple(missing)
        self.statistics = statistics
        self._note_jit()

    def adapt(self, data):
        """Learns medians, scales and categories, from rows seen once.

        Args:
            data: A float matrix, a dict of arrays `(rows,)`, or a
                `tf.data.Dataset` of batches of either, with or without
                labels; those of training.

        Raises:
            ValueError: If there is no row, no column, or an infinite number;
                or if the layer was called before.
        """
        if self.built:
            raise ValueError(
                f"{self.name!r} was called before, and its features cannot "
                "change. Call `adapt` first, or make a new layer."
            )
        collected = TableStatistics(self.missing)
        for batch in _batches(data):
            collected.add(batch)
        self.statistics = collected.result(self.max_categories)
        self._note_jit()

    @property
    def feature_names(self):
        found = self._known()
        numbers = found["numeric"]
        if numbers is None:
            numbers = [f"column {c}" for c in range(len(found["median"]))]
        names = found["categorical"]
        values = zip(names, found["vocabularies"], strict=True)
        return [
            *numbers,
            *(f"{numbers[c]} missing" for c in self._marked("has_gaps")),
            *(f"{name}={value}" for name, known in values for value in known),
            *(f"{names[c]} missing" for c in self._marked("lacks_category")),
        ]

    def build(self, input_shape):
        self._known()
        self._check_columns(input_shape)

    def call(self, inputs):
        parts = [*self._of_numbers(inputs), *self._of_categories(inputs)]
        parts = [ops.cast(part, self.compute_dtype) for part in parts]
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, input_shape):
        shape = input_shape
        if isinstance(shape, dict):
            shape = next(iter(shape.values()))
        return shape[0], len(self.feature_names)

    def get_config(self):
        return {
            **super().get_config(),
            "indicators": self.indicators,
            "max_categories": self.max_categories,
            "missing": self.missing,
            "statistics": self.statistics,
        }

    def _of_numbers(self, inputs):
        found = self.statistics
        if not found["median"]:
            return
        if found["numeric"] is None:
            rows = ops.cast(inputs, self._float())
        else:
            rows = ops.stack(
                [
                    ops.reshape(ops.cast(inputs[name], self._float()), (-1,))
                    for name in found["numeric"]
                ],
                axis=-1,
            )
        is_missing = ops.isnan(rows)
        median, mean, variance = (
            ops.convert_to_tensor(found[name], rows.dtype)
            for name in ("median", "mean", "variance")
        )
        filled = ops.where(is_missing, median, rows)
        yield (filled - mean) / ops.sqrt(variance)
        if marked := self._marked("has_gaps"):
            yield ops.take(is_missing, marked, axis=-1)

    def _of_categories(self, inputs):
        # Compared, and not looked up in a table: constants need nobody who
        # tracks and initializes them where the model is served.
        found = self.statistics
        gaps = []
        for name, known in zip(
            found["categorical"], found["vocabularies"], strict=True
        ):
            column = tf.strings.strip(tf.reshape(inputs[name], [-1, 1]))
            is_missing = tf.reduce_any(
                column == tf.constant(self.missing), axis=-1, keepdims=True
            )
            gaps.append(is_missing)
            if known:
                yield tf.where(is_missing, known[0], column) == known
        if marked := self._marked("lacks_category"):
            yield tf.concat([gaps[place] for place in marked], axis=-1)

    def _marked(self, key):
        """Places of the columns that get an indicator."""
        if not self.indicators:
            return []
        return [c for c, has in enumerate(self.statistics[key]) if has]

    def _float(self):
        # Raw numbers do not fit half precision.
        return keras.backend.result_type(self.compute_dtype, "float32")

    def _note_jit(self):
        # Strings cannot be compiled by XLA.
        found = self.statistics
        self.supports_jit = not (found and found["categorical"])

    def _known(self):
        if self.statistics is None:
            raise ValueError(
                f"{self.name!r} knows no medians and categories yet. Call "
                "`adapt` with the rows of training first."
            )
        return self.statistics

    def _check_columns(self, shape):
        found = self.statistics
        if found["numeric"] is None:
            width = len(found["median"])
            if isinstance(shape, dict) or shape[-1] != width:
                raise ValueError(
                    f"{self.name!r} was adapted to a matrix of {width} "
                    f"columns. Received: {shape}."
                )
            return
        names = [*found["numeric"], *found["categorical"]]
        given = shape if isinstance(shape, dict) else ()
        lacking = [name for name in names if name not in given]
        if lacking:
            raise ValueError(
                f"{self.name!r} was adapted to a dict of columns, of which "
                f"{lacking} are not given. Expected: {names}."
            )


def _batches(data):
    """Batches of rows without labels, as NumPy arrays."""
    if isinstance(data, tf.data.Dataset):
        for batch in data.as_numpy_iterator():
            yield batch[0] if isinstance(batch, tuple) else batch
        return
    data = keras.tree.map_structure(np.asarray, data)
    for start in range(0, len(keras.tree.flatten(data)[0]), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        yield keras.tree.map_structure(lambda leaf, rows=rows: leaf[rows], data)
