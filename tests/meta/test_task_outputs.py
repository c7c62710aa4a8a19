"""Queries after the inner loop, task by task."""

import numpy as np

from keras_transfer.meta import batch_statistics
from keras_transfer.meta import task_outputs
from tests.meta import small_episodes as small
from tests.meta.adaptation_twin import Twin
from tests.meta.small_maml import batch
from tests.meta.small_maml import network
from tests.meta.small_maml import new_maml
from tests.meta.small_maml import one_task


def _outputs(maml, x, y, modes, steps=2):
    return task_outputs.of_tasks(
        maml.inner_loop(), maml._start(), x, y, steps, modes, parallel=1
    )


def test_losses_equal_steps_by_hand():
    model = network(batch_norm=True)
    maml = new_maml(model, inner_learning_rate=0.3)
    x, y = batch()
    # A twin of "support" knows flat models only.
    modes = ["transductive", "support_plus_one"]
    found = _outputs(maml, x, y, modes)
    for mode in modes:
        twin = Twin(model, 2, mode)
        expected = [twin.loss(x, y, task) for task in range(2)]
        np.testing.assert_allclose(found[mode][0], expected, rtol=1e-4)


def test_without_labels_there_are_no_losses():
    maml = new_maml(network(batch_norm=True))
    x, y = batch(small.episodes(shots=(1, 2)))
    modes = batch_statistics.STATISTICS
    with_labels = _outputs(maml, x, y, modes)
    without = _outputs(maml, x, {"support": y["support"]}, modes)
    for mode in modes:
        assert without[mode][0] is None
        np.testing.assert_allclose(
            without[mode][1], with_labels[mode][1], atol=1e-6
        )


def test_tasks_do_not_see_each_other():
    maml = new_maml(network(batch_norm=True))
    x, y = batch()
    modes = batch_statistics.STATISTICS
    both = _outputs(maml, x, y, modes)
    second = _outputs(maml, *one_task(x, y, 1), modes)
    for mode in modes:
        np.testing.assert_allclose(
            both[mode][1][1], second[mode][1][0], atol=1e-6
        )
