import warnings

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.transferability.negative_transfer_gap import (
    NegativeTransferGap,
)
from keras_transfer.transferability.negative_transfer_gap import (
    negative_transfer_gap,
)
from keras_transfer.transferability.negative_transfer_guard import (
    NegativeTransferGuard,
)
from keras_transfer.transferability.negative_transfer_proxy import (
    NegativeTransferProxy,
)
from keras_transfer.transferability.negative_transfer_proxy import (
    negative_transfer_proxy,
)
from tests.adaptation import small

WIDTH = 2


def _linear(sign=1.0, use_bias=False):
    """A layer of the sign of the first column, or of the opposite.

    A layer, because `predict` of a model makes a graph, which takes longer
    than all that is tested here.
    """
    layer = keras.layers.Dense(2, use_bias=use_bias)
    layer.build((None, WIDTH))
    _point(layer, sign)
    return layer


def _point(model, sign):
    kernel = np.zeros((WIDTH, 2), "float32")
    kernel[0] = [-sign, sign]
    model.kernel.assign(kernel)


def _rows(generator, rows=60):
    x = generator.normal(size=(rows, WIDTH)).astype("float32")
    return x, (x[:, 0] > 0).astype(int)


def _run(guard, model, signs):
    """A training whose epochs end with the model at these signs."""
    guard.set_model(model)
    guard.on_train_begin()
    logs = []
    for epoch, sign in enumerate(signs):
        _point(model, sign)
        logs.append({})
        guard.on_epoch_end(epoch, logs[-1])
    guard.on_train_end()
    return [entry["negative_transfer_gap"] for entry in logs]


def _sign(model):
    return float(model.get_weights()[0][0, 1])


def test_the_gap_is_that_of_labelled_target_rows(generator):
    x, y = _rows(generator)
    guard = NegativeTransferGuard(_linear(), None, target=(x, y))
    assert _run(guard, _linear(), [1.0]) == [0.0]
    model, noise = _linear(), generator.normal(size=(WIDTH, 2))
    model.set_weights([noise])
    guard.set_model(model)
    guard.on_epoch_end(0, {})
    expected = negative_transfer_gap(model, _linear(), x, y)
    assert guard.history[-1] == expected
    assert isinstance(expected, NegativeTransferGap)


def test_the_gap_is_the_proxy_without_target_labels(generator):
    x, y = _rows(generator)
    target, reference, model = x + 0.3, _linear(), _linear()
    model.set_weights([generator.normal(size=(WIDTH, 2))])
    guard = NegativeTransferGuard(reference, (x, y), target)
    guard.set_model(model)
    guard.on_train_begin()
    logs = {}
    guard.on_epoch_end(0, logs)
    expected = negative_transfer_proxy(model, reference, (x, y), target)
    assert guard.history == [expected]
    assert isinstance(expected, NegativeTransferProxy)
    assert logs["negative_transfer_gap"] == expected.gap


def test_the_gap_is_on_the_source_without_a_target(generator):
    x, y = _rows(generator)
    guard = NegativeTransferGuard(_linear(), (x, y))
    with pytest.warns(UserWarning, match="on held-out source rows, against"):
        gaps = _run(guard, _linear(), [1.0, -1.0])
    assert gaps == [0.0, 1.0]


def test_it_warns_once_after_patience_epochs_in_a_row(generator):
    guard = NegativeTransferGuard(
        _linear(), None, target=_rows(generator), patience=2
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _run(guard, _linear(), [-1.0, 1.0, -1.0, -1.0, -1.0, -1.0])
    (warning,) = caught
    assert str(warning.message) == (
        "Negative transfer: the model has an error of 1.000 on target rows, "
        "against 0.000 of the reference, and the 95 % interval of the gap was "
        "above 0 for 2 epochs in a row."
    )


def test_it_warns_of_the_last_epoch(generator):
    guard = NegativeTransferGuard(_linear(), None, target=_rows(generator))
    with pytest.warns(UserWarning, match="above 0 in the last epoch"):
        _run(guard, _linear(), [1.0, -1.0])


def test_it_is_silent_where_nothing_is_wrong(generator):
    """Warnings are errors in these tests."""
    guard = NegativeTransferGuard(_linear(), None, target=_rows(generator))
    gaps = _run(guard, _linear(), [-1.0, -1.0, 1.0])
    assert gaps == [1.0, 1.0, 0.0]
    guard = NegativeTransferGuard(_linear(-1), None, target=_rows(generator))
    assert _run(guard, _linear(), [1.0]) == [-1.0]


def test_without_restore_the_weights_stay(generator):
    model = _linear()
    guard = NegativeTransferGuard(_linear(), None, target=_rows(generator))
    with pytest.warns(UserWarning):
        _run(guard, model, [1.0, -1.0])
    assert _sign(model) == -1.0
    assert guard.restored is None


def test_the_best_epoch_is_restored(generator):
    model = _linear()
    guard = NegativeTransferGuard(
        _linear(), None, target=_rows(generator), restore=True
    )
    with pytest.warns(UserWarning):
        _run(guard, model, [-1.0, 2.0, -1.0])
    assert _sign(model) == 2.0
    assert guard.restored == 1


def test_the_reference_is_restored_where_no_epoch_is_as_good(generator):
    model = _linear()
    guard = NegativeTransferGuard(
        _linear(5.0), None, target=_rows(generator), restore=True
    )
    with pytest.warns(UserWarning):
        _run(guard, model, [-1.0, -2.0])
    assert _sign(model) == 5.0
    assert guard.restored == "reference"


def test_a_reference_of_other_shape_is_not_restored(generator):
    model = _linear()
    guard = NegativeTransferGuard(
        _linear(use_bias=True), None, target=_rows(generator), restore=True
    )
    with pytest.warns(UserWarning):
        _run(guard, model, [-1.0, -2.0])
    assert _sign(model) == -1.0
    assert guard.restored == 0


def test_the_model_itself_stands_for_its_state_before(generator):
    model = _linear(3.0)
    guard = NegativeTransferGuard(
        model, None, target=_rows(generator), restore=True
    )
    with pytest.warns(UserWarning):
        gaps = _run(guard, model, [-1.0])
    assert gaps == [1.0]
    assert _sign(model) == 3.0


def test_a_second_training_begins_anew(generator):
    guard = NegativeTransferGuard(
        _linear(), None, target=_rows(generator), patience=1
    )
    for _ in range(2):
        with pytest.warns(UserWarning, match="1 epochs in a row"):
            _run(guard, _linear(), [-1.0])
        assert len(guard.history) == 1


def test_it_changes_nothing_of_the_training():
    """A trainer of the package; the gap is in the history of `fit`."""
    source, labels, target = small.arrays()
    weights = []
    for is_guarded in (False, True):
        keras.utils.set_random_seed(3)
        model = small.dense_model(batch_norm=True)
        trainer = small.compiled(kt.DomainAdaptation(model, "dann"))
        guard = NegativeTransferGuard(model, (source, labels), target)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            history = trainer.fit(
                small.pairs(),
                epochs=2,
                callbacks=[guard] if is_guarded else [],
                verbose=0,
            ).history
        weights.append(model.get_weights())
    assert history["negative_transfer_gap"] == [r.gap for r in guard.history]
    for with_, without in zip(*weights, strict=True):
        np.testing.assert_array_equal(with_, without)


def test_wrong_arguments_are_refused(generator):
    x, y = _rows(generator)
    with pytest.raises(ValueError, match="`reference_model`"):
        NegativeTransferGuard("model", (x, y))
    with pytest.raises(ValueError, match="`source_validation`.*a pair"):
        NegativeTransferGuard(_linear(), x)
    with pytest.raises(ValueError, match="`source_validation`.*a pair"):
        NegativeTransferGuard(_linear(), None, target=x)
    with pytest.raises(ValueError, match="`target`.*or a tuple .x, y."):
        NegativeTransferGuard(_linear(), (x, y), target=(x, y, y))
    with pytest.raises(ValueError, match="`patience`.*positive integer"):
        NegativeTransferGuard(_linear(), (x, y), patience=0)
