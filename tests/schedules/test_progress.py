import keras
import numpy as np
import pytest

from keras_transfer import schedules
from tests import helpers

pytestmark = pytest.mark.any_backend


def test_share_follows_the_steps_and_stops_at_one():
    progress = schedules.TrainingProgress(total_steps=4)
    shares = []
    for _ in range(6):
        shares.append(float(progress.share()))
        progress.advance()
    assert shares == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


def test_without_a_total_the_schedules_stand_at_their_end():
    progress = schedules.TrainingProgress()
    assert float(progress.share()) == 1.0
    progress.advance()
    assert float(progress.share()) == 1.0


def test_restart_sets_total_and_step():
    progress = schedules.TrainingProgress(total_steps=4)
    progress.advance()
    progress.restart(10, step=3)
    assert float(progress.share()) == pytest.approx(0.3)
    progress.restart(10)
    assert float(progress.share()) == 0.0


def test_counters_are_exact_where_float16_is_not():
    keras.config.set_dtype_policy("mixed_float16")
    progress = schedules.TrainingProgress()
    progress.restart(100_000, step=70_001)
    progress.advance()
    assert float(progress.share()) == pytest.approx(0.70002, rel=1e-6)


def test_state_is_saved_and_not_trained():
    progress = schedules.TrainingProgress(total_steps=8)
    progress.advance()
    assert progress.trainable_variables == []
    copy = schedules.TrainingProgress()
    copy.set_weights(progress.get_weights())
    assert float(copy.share()) == pytest.approx(1 / 8)


def test_call_is_the_identity(generator):
    x = generator.normal(size=(3, 2)).astype("float32")
    value = schedules.TrainingProgress(total_steps=2)(x)
    np.testing.assert_array_equal(helpers.to_numpy(value), x)
