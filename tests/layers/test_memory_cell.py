"""The memory cell: its equations, what it must not depend on, gradients."""

import keras
import numpy as np
import pytest

from keras_transfer.layers.memory_cell import LeastRecentlyUsedMemoryCell
from keras_transfer.layers.memory_cell import addresses
from keras_transfer.layers.memory_cell import least_used_slots
from tests import helpers

pytestmark = pytest.mark.any_backend

VARIANTS = pytest.mark.parametrize(
    "options",
    [
        {},
        {"write_key": "separate", "least_used": "per_head", "sharpness": 7.0},
        {"least_used": "per_head", "usage_decay": 0.5},
        # More steps than slots: rows are erased and used again.
        {"num_slots": 3, "write_key": "separate"},
    ],
    ids=["paper", "separate_per_head", "per_head", "few_slots"],
)
BATCH, STEPS, FEATURES = 2, 9, 4


def small_cell(**options):
    options = {
        "units": 6,
        "num_slots": 7,
        "slot_width": 5,
        "num_heads": 2,
        **options,
    }
    cell = LeastRecentlyUsedMemoryCell(**options)
    cell.build((None, FEATURES))
    return cell


def sequence(generator, steps=STEPS):
    return generator.normal(size=(BATCH, steps, FEATURES)).astype("float32")


def run(cell, inputs):
    """Outputs and last states of a plain Python loop."""
    states = cell.get_initial_state(len(inputs))
    outputs = []
    for step in range(inputs.shape[1]):
        output, states = cell(inputs[:, step], states)
        outputs.append(output)
    return keras.ops.stack(outputs, axis=1), states


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class NumpyCell:
    """The equations for one sequence, head by head and slot by slot."""

    def __init__(self, cell):
        self.options = cell.get_config()
        self.weights = [w.astype("float64") for w in cell.get_weights()]
        heads, slots = self.options["num_heads"], self.options["num_slots"]
        self.memory = np.full((slots, self.options["slot_width"]), 1e-6)
        self.hidden = np.zeros(self.options["units"])
        self.carry = np.zeros(self.options["units"])
        self.read = np.zeros(heads * self.options["slot_width"])
        self.usage = np.eye(slots)[0]
        self.read_weights = [np.eye(slots)[0] for _ in range(heads)]

    def step(self, x):
        kernel, recurrent, bias, head_kernel, head_bias = self.weights
        before = np.concatenate([self.hidden, self.read])
        i, f, g, o = np.split(x @ kernel + bias + before @ recurrent, 4)
        self.carry = sigmoid(f) * self.carry + sigmoid(i) * np.tanh(g)
        self.hidden = sigmoid(o) * np.tanh(self.carry)
        heads = np.split(
            self.hidden @ head_kernel + head_bias, self.options["num_heads"]
        )
        self._access([self._head(values) for values in heads])
        return np.concatenate([self.hidden, self.read])

    def _head(self, values):
        width = self.options["slot_width"]
        key, gate = np.tanh(values[:width]), sigmoid(values[width])
        if self.options["write_key"] == "read":
            return key, gate, key
        return key, gate, np.tanh(values[width + 1 :])

    def _access(self, heads):
        order = np.argsort(self.usage, kind="stable")[: len(heads)]
        one_hot = np.eye(len(self.usage))
        write_weights = []
        for head, (_, gate, _) in enumerate(heads):
            target = one_hot[order].sum(0)
            if self.options["least_used"] == "per_head":
                target = one_hot[order[head]]
            write_weights.append(
                gate * self.read_weights[head] + (1 - gate) * target
            )
        self.memory[order[0]] = 0.0
        for weights, (_, _, written) in zip(write_weights, heads, strict=True):
            self.memory = self.memory + np.outer(weights, written)
        self.read_weights = [self._address(key) for key, _, _ in heads]
        self.read = np.concatenate([p @ self.memory for p in self.read_weights])
        self.usage = self.options["usage_decay"] * self.usage + np.sum(
            [*self.read_weights, *write_weights], axis=0
        )

    def _address(self, key):
        lengths = np.linalg.norm(self.memory, axis=1) * np.linalg.norm(key)
        scores = self.options["sharpness"] * (self.memory @ key) / lengths
        scores = np.exp(scores - scores.max())
        return scores / scores.sum()


@VARIANTS
def test_a_sequence_equals_numpy(options, generator):
    cell = small_cell(**options)
    inputs = sequence(generator)
    outputs, states = run(cell, inputs)
    for row, steps in enumerate(inputs):
        twin = NumpyCell(cell)
        expected = np.stack([twin.step(x) for x in steps])
        np.testing.assert_allclose(outputs[row], expected, atol=2e-5)
        for state, value in zip(
            states,
            (
                twin.hidden,
                twin.carry,
                twin.read,
                np.ravel(twin.read_weights),
                twin.usage,
                twin.memory.ravel(),
            ),
            strict=True,
        ):
            np.testing.assert_allclose(state[row], value, atol=1e-4)
        assert np.abs(twin.read).max() > 1e-3


@VARIANTS
def test_rnn_runs_the_cell(options, generator):
    cell = small_cell(**options)
    inputs = sequence(generator)
    outputs, states = run(cell, inputs)
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True)
    got = layer(inputs)
    for value, expected in zip(got, [outputs, *states], strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-5)


def test_rows_of_a_batch_do_not_see_each_other(generator):
    cell = small_cell()
    inputs = sequence(generator)
    outputs, _ = run(cell, inputs)
    alone, _ = run(cell, inputs[1:])
    np.testing.assert_allclose(alone[0], outputs[1], atol=1e-6)


def test_the_past_does_not_see_the_future(generator):
    cell = small_cell()
    inputs = sequence(generator)
    outputs, _ = run(cell, inputs)
    inputs[:, 5:] += 1.0
    changed, _ = run(cell, inputs)
    np.testing.assert_array_equal(changed[:, :5], outputs[:, :5])
    assert np.abs(helpers.to_numpy(changed - outputs)[:, 5:]).min(-1).max() > 0


def test_projecting_all_steps_first_changes_nothing(generator):
    cell = small_cell()
    inputs = sequence(generator, steps=2)
    projected = cell.project(inputs)
    states = cell.get_initial_state(BATCH)
    _, states = cell.step(projected[:, 0], states)
    output, _ = cell.step(projected[:, 1], states)
    expected, _ = run(cell, inputs)
    np.testing.assert_allclose(output, expected[:, 1], atol=1e-6)


def test_least_used_slots():
    usage = np.array([[3.0, 1.0, 2.0, 1.0], [0.0, 0.0, 0.0, 0.0]], "float32")
    slots = helpers.to_numpy(least_used_slots(usage, 3)).argmax(-1)
    assert slots.tolist() == [[1, 3, 2], [0, 1, 2]]
    (gradient,) = helpers.gradients(
        lambda x: keras.ops.sum(least_used_slots(x, 2) * x[:, None]), usage
    )
    # Only of the factor: which slots they are is a constant.
    assert gradient.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]


def test_the_least_used_row_is_erased_before_the_write(generator):
    cell = small_cell(num_heads=1)
    states = cell.get_initial_state(1)
    memory = generator.normal(size=(1, 7, 5)).astype("float32")
    usage = np.array([[5.0, 4.0, 0.1, 3.0, 0.2, 2.0, 1.0]], "float32")
    states[4], states[5] = usage, memory.reshape(1, -1)
    cell.head_bias.assign([0.3] * 5 + [-50.0])  # the gate is shut
    _, states = cell(np.ones((1, FEATURES), "float32"), states)
    after = helpers.to_numpy(states[5]).reshape(7, 5)
    hidden = helpers.to_numpy(states[0])
    values = hidden @ helpers.to_numpy(cell.head_kernel)[:, :5] + 0.3
    np.testing.assert_allclose(after[2], np.tanh(values[0]), atol=1e-6)
    others = [0, 1, 3, 4, 5, 6]
    np.testing.assert_allclose(after[others], memory[0, others], atol=1e-6)


def test_heads_write_apart_if_asked():
    keys = []
    for least_used in ("shared", "per_head"):
        cell = small_cell(least_used=least_used)
        cell.head_bias.assign(
            [0.3] * 5 + [-50.0] + [-0.3] * 5 + [-50.0],
        )
        _, states = run(cell, np.zeros((1, 1, FEATURES), "float32"))
        keys.append(helpers.to_numpy(states[5]).reshape(7, 5)[[1, 2]])
    shared, per_head = keys
    # The first slot is used from the beginning on: 1 and 2 are the least.
    np.testing.assert_allclose(shared, 0.0, atol=1e-5)
    np.testing.assert_allclose(
        per_head, [[np.tanh(0.3)] * 5, [-np.tanh(0.3)] * 5], atol=1e-5
    )


def test_sharpness_decides_how_selective_a_read_is(generator):
    keys = generator.normal(size=(1, 2, 5)).astype("float32")
    memory = generator.normal(size=(1, 6, 5)).astype("float32")
    memory[0, 3] = 2 * keys[0, 0]
    soft, sharp = (
        helpers.to_numpy(addresses(keys, memory, s)) for s in (1.0, 100.0)
    )
    assert soft[0, 0].argmax() == 3
    assert soft[0, 0, 3] < 0.5
    assert sharp[0, 0, 3] > 0.99


@VARIANTS
def test_gradients_equal_differences(options, generator):
    """Away from the choice of slots, which is a constant."""
    if keras.backend.backend() == "jax":
        pytest.skip("jax computes in float32 unless told otherwise")
    cell = small_cell(**options, dtype="float64")
    inputs = sequence(generator, steps=4).astype("float64")
    direction = generator.normal(size=(BATCH, 4, cell.output_size))

    def loss(x):
        return keras.ops.sum(run(cell, x)[0] * direction)

    (gradient,) = helpers.gradients(loss, inputs)
    way = 1e-5 * generator.normal(size=inputs.shape)
    slope = float(loss(inputs + way) - loss(inputs - way)) / 2
    np.testing.assert_allclose((gradient * way).sum(), slope, rtol=1e-4)
    assert (gradient != 0).all()
    found = helpers.gradients_of_variables(
        lambda: loss(inputs), cell.trainable_variables
    )
    for variable, gradient in zip(cell.trainable_variables, found, strict=True):
        value = helpers.to_numpy(variable)
        way = 1e-5 * generator.normal(size=value.shape)
        ends = []
        for end in (value + way, value - way):
            variable.assign(end)
            ends.append(float(loss(inputs)))
        variable.assign(value)
        slope = (ends[0] - ends[1]) / 2
        np.testing.assert_allclose((gradient * way).sum(), slope, rtol=1e-4)


def test_a_step_against_the_gradient_lowers_the_loss(generator):
    cell = small_cell(write_key="separate")
    inputs = sequence(generator)
    target = generator.normal(size=(BATCH, STEPS, 10)).astype("float32")

    def loss():
        reads = run(cell, inputs)[0][..., 6:]
        return keras.ops.mean(keras.ops.square(reads - target))

    variables = cell.trainable_variables
    before = float(loss())
    for variable, gradient in zip(
        variables, helpers.gradients_of_variables(loss, variables), strict=True
    ):
        assert np.abs(gradient).max() > 0
        variable.assign(helpers.to_numpy(variable) - 0.1 * gradient)
    assert float(loss()) < before


def test_gradients_are_finite_over_a_published_sequence(generator):
    cell = LeastRecentlyUsedMemoryCell(units=8)
    cell.build((None, FEATURES))
    inputs = np.zeros((1, 50, FEATURES), "float32")
    for gradient in helpers.gradients_of_variables(
        lambda: keras.ops.sum(run(cell, inputs)[0]), cell.trainable_variables
    ):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("half", ["mixed_float16", "mixed_bfloat16"])
def test_it_computes_in_the_dtype_of_its_weights(half, generator):
    full = small_cell()
    keras.config.set_dtype_policy(half)
    cell = small_cell()
    cell.set_weights(full.get_weights())
    assert cell.compute_dtype == "float32"
    inputs = sequence(generator)
    expected, _ = run(full, inputs)
    outputs, _ = run(cell, inputs)
    np.testing.assert_array_equal(outputs, expected)
    # The layer around it casts what goes in and comes out.
    outputs = keras.layers.RNN(cell, return_sequences=True)(inputs)
    assert half.endswith(keras.backend.standardize_dtype(outputs.dtype))
    outputs = keras.ops.cast(outputs, "float32")
    np.testing.assert_allclose(outputs, expected, atol=0.02)


def test_config_and_file(tmp_path, generator):
    cell = small_cell(
        write_key="separate", least_used="per_head", sharpness=3.0
    )
    inputs = keras.Input((STEPS, FEATURES))
    model = keras.Model(inputs, keras.layers.RNN(cell)(inputs))
    rows = sequence(generator)
    expected = helpers.to_numpy(model(rows))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(rows), expected)
    assert loaded.layers[-1].cell.get_config() == cell.get_config()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 0}, "positive integer"),
        ({"num_heads": 8}, "at most num_slots, 7"),
        ({"usage_decay": 1.5}, "0 to 1"),
        ({"sharpness": 0.0}, "positive number"),
        ({"write_key": "seperate"}, "Did you mean 'separate'"),
        ({"least_used": "share"}, "Did you mean 'shared'"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        small_cell(**options)
