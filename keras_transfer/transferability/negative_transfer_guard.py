"""Watches during training whether adaptation does harm."""

import warnings

import keras
import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data.model_outputs import outputs_of
from keras_transfer.data.model_outputs import plain_model
from keras_transfer.transferability import inputs
from keras_transfer.transferability.negative_transfer_gap import (
    gap_of_wrong_rows,
)
from keras_transfer.transferability.negative_transfer_gap import wrong_rows
from keras_transfer.transferability.negative_transfer_proxy import (
    proxy_of_wrong_rows,
)
from keras_transfer.transferability.negative_transfer_proxy import (
    source_weights,
)


class NegativeTransferGuard(keras.callbacks.Callback):
    """Compares the model with source-only after each epoch, and warns.

    Three comparisons, by what is given:

    - `target=(x, y)`, labelled: `negative_transfer_gap`, the thing itself.
    - `target=x`, unlabelled: `negative_transfer_proxy`, the errors on held-out
      source rows that are weighted to look like the target.
    - no target: the gap on held-out source rows, that is, what adaptation
      costs on the source. It says nothing about the target.

    The gap of each epoch is logged as `negative_transfer_gap`. One warning is
    given, as soon as the 95 % interval of the gap was above 0 for `patience`
    epochs in a row, or at the end of training if it was there in the last.

    With `restore=True` the model ends with the better weights: those of the
    epoch with the smallest gap; or, if that one is above 0 too, those of the
    reference, where they have the same shapes. The optimizer is not touched.

    Bad at: what the two comparisons are bad at. Each epoch costs a prediction
    of all the rows that are given. Choosing an epoch by labelled target rows
    makes those rows training data.

    Args:
        reference_model: The source-only model, or one trained on the target
            alone. It is evaluated once, when training begins; so it may be
            the model that is trained, which stands for its state at that
            moment.
        source_validation: Pair `(x, y)` of held-out source rows and class
            numbers. It may be `None` with a labelled target.
        target: `None`, target rows `x`, or a tuple `(x, y)`.
        features: For an unlabelled target as for `negative_transfer_proxy`: a
            model, layer or function, by default the reference's scores.
        patience: Number of epochs in a row that a warning takes.
        restore: Whether to end with the better weights.
        batch_size: Rows at a time.

    Attributes:
        history: List of results, one for each epoch: `NegativeTransferGap` or
            `NegativeTransferProxy`.
        restored: `None`, the number of the epoch whose weights the model
            ended with, or `"reference"`.

    Example:

    >>> import keras, numpy as np
    >>> from keras_transfer import transferability
    >>> x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    >>> y = (x[:, 0] > 0).astype(int)
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> model.compile("sgd", loss)
    >>> guard = transferability.NegativeTransferGuard(model, (x, y), x + 0.1)
    >>> log = model.fit(x, y, epochs=2, callbacks=[guard], verbose=0).history
    >>> len(log["negative_transfer_gap"]), len(guard.history)
    (2, 2)
    """

    def __init__(
        self,
        reference_model,
        source_validation,
        target=None,
        features=None,
        patience=3,
        restore=False,
        batch_size=32,
    ):
        if not callable(reference_model):
            raise invalid_argument(
                "reference_model", reference_model, "a model"
            )
        _check_data(source_validation, target)
        if not isinstance(patience, int) or patience < 1:
            raise invalid_argument("patience", patience, "a positive integer")
        super().__init__()
        self.reference_model = reference_model
        self.source_validation = source_validation
        self.target = target
        self.features = features
        self.patience = patience
        self.restore = restore
        self.batch_size = batch_size
        self.history = []
        self.restored = None

    def on_train_begin(self, logs=None):
        self.history, self.restored = [], None
        self._bad_epochs, self._has_warned = 0, False
        self._best = self._best_weights = None
        self._reference = self._judged(plain_model(self.reference_model))
        self._reference_weights = self._weights = None
        if self.restore:
            self._reference_weights = _copied_weights(self.reference_model)
        if self._is_weighted:
            self._weights = source_weights(
                *self._reference_features(), regularization=1.0, seed=0
            )

    def on_epoch_end(self, epoch, logs=None):
        result = self._compare()
        self.history.append(result)
        if logs is not None:
            logs["negative_transfer_gap"] = result.gap
        if self._best is None or result.gap < self._best[0]:
            self._best = (result.gap, epoch)
            if self.restore:
                self._best_weights = self._plain.get_weights()
        is_bad = result.interval[0] > 0
        self._bad_epochs = self._bad_epochs + 1 if is_bad else 0
        if self._bad_epochs >= self.patience:
            self._warn(f"for {self.patience} epochs in a row")

    def on_train_end(self, logs=None):
        if not self.history:
            return
        if self._bad_epochs:
            self._warn("in the last epoch")
        if self.restore:
            self._restore()

    @property
    def _plain(self):
        return plain_model(self.model)

    @property
    def _is_weighted(self):
        return self.target is not None and not isinstance(self.target, tuple)

    def _judged(self, model):
        """Which rows a model gets wrong, and its classes for the target."""
        pair = self.source_validation
        if isinstance(self.target, tuple):
            pair = self.target
        wrong = wrong_rows(model, *pair, self.batch_size, "model")
        if not self._is_weighted:
            return wrong, None
        outputs = outputs_of(model, self.target, self.batch_size)
        return wrong, inputs.predicted_classes(outputs, "model")

    def _reference_features(self):
        model = self.features
        if model is None:
            model = plain_model(self.reference_model)
        both = (self.source_validation[0], self.target)
        return [outputs_of(model, x, self.batch_size) for x in both]

    def _compare(self):
        wrong, classes = self._judged(self._plain)
        reference, reference_classes = self._reference
        if not self._is_weighted:
            return gap_of_wrong_rows(wrong, reference)
        agreement = float(np.mean(classes == reference_classes))
        return proxy_of_wrong_rows(wrong, reference, self._weights, agreement)

    def _warn(self, when):
        if self._has_warned:
            return
        self._has_warned = True
        result = self.history[-1]
        rows = "target rows"
        if not isinstance(self.target, tuple):
            rows = "held-out source rows"
            if self._is_weighted:
                rows += " weighted to look like the target"
        warnings.warn(
            f"Negative transfer: the model has an error of "
            f"{result.adapted_error:.3f} on {rows}, against "
            f"{result.reference_error:.3f} of the reference, and the 95 % "
            f"interval of the gap was above 0 {when}.",
            stacklevel=2,
        )

    def _restore(self):
        gap, epoch = self._best
        if gap > 0 and _fits(self._reference_weights, self._plain):
            self._plain.set_weights(self._reference_weights)
            self.restored = "reference"
            return
        self._plain.set_weights(self._best_weights)
        self.restored = epoch


def _check_data(source_validation, target):
    is_labelled = isinstance(target, tuple)
    if is_labelled and len(target) != 2:
        raise invalid_argument(
            "target", f"a tuple of {len(target)}", "x, or a tuple (x, y)"
        )
    if source_validation is None and is_labelled:
        return
    is_sequence = isinstance(source_validation, (tuple, list))
    if not is_sequence or len(source_validation) != 2:
        raise invalid_argument(
            "source_validation",
            type(source_validation).__name__,
            "a pair (x, y)",
        )


def _copied_weights(model):
    model = plain_model(model)
    return model.get_weights() if isinstance(model, keras.Layer) else None


def _fits(weights, model):
    if weights is None:
        return False
    shapes = [tuple(variable.shape) for variable in model.weights]
    return [value.shape for value in weights] == shapes
