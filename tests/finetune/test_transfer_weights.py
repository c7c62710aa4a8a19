"""Transfers of weights from models, files and dicts."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.transfer_weights import transfer_weights
from tests.finetune import torch_twins
from tests.finetune.checkpoints import torch_bytes
from tests.finetune.weight_lists import dense_model
from tests.finetune.weight_lists import torch_dense
from tests.helpers import to_numpy

layers = keras.layers


def _transfer(source, target, **arguments):
    return transfer_weights(source, target, verbose=False, **arguments)


def _torch_file(path, arrays):
    entries, blocks = {}, {}
    for key, (name, array) in enumerate(arrays.items()):
        block = torch_bytes.storage(str(key), "float32", array.size)
        entries[name] = torch_bytes.tensor(block, array.shape)
        blocks[str(key)] = array.astype("<f4").tobytes()
    state_dict = torch_bytes.ordered(entries)
    return torch_bytes.write_zip(path, state_dict, blocks)


def _forward(arrays, x, *names):
    for name in names:
        weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
        x = torch_twins.linear(x, weight, bias)
    return x


def test_a_dict_of_pytorch(generator):
    arrays = torch_dense(4, a=3, b=2)
    model = dense_model(4, a=3, b=2)
    report = _transfer(arrays, model)
    x = generator.normal(size=(5, 4))
    np.testing.assert_allclose(
        model(x), _forward(arrays, x, "a", "b"), atol=1e-5
    )
    assert report.is_complete and report.method == "name"
    assert report.transferred[0] == (
        "a.weight",
        "a/kernel",
        (4, 3),
        "OI to IO",
    )


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_of_pytorch(as_text, tmp_path, generator):
    arrays = torch_dense(4, a=3)
    path = _torch_file(tmp_path / "net.pt", arrays)
    model = dense_model(4, other=3)
    report = _transfer(str(path) if as_text else path, model)
    x = generator.normal(size=(5, 4))
    np.testing.assert_allclose(model(x), _forward(arrays, x, "a"), atol=1e-5)
    assert report.is_complete and report.method == "shape and order"


def test_a_model_and_its_file(tmp_path, generator):
    source = dense_model(4, a=3, b=2)
    source.save(tmp_path / "net.keras")
    x = generator.normal(size=(5, 4))
    for given in (source, tmp_path / "net.keras"):
        model = dense_model(4, a=3, b=2)
        assert np.abs(model(x) - source(x)).max() > 0.01
        assert _transfer(given, model).is_complete
        np.testing.assert_array_equal(model(x), source(x))


def test_a_small_network_of_convolutions(generator):
    """The usual layers in one network, as PyTorch computes them."""
    state = {
        "0.weight": generator.normal(size=(4, 3, 3, 3)),
        **torch_twins.norm_state(generator, 4, "1."),
        "3.weight": generator.normal(size=(6, 4, 3, 3)),
        "3.bias": generator.normal(size=6),
        "6.weight": generator.normal(size=(5, 6 * 2 * 2)),
        "6.bias": generator.normal(size=5),
    }
    x = generator.normal(size=(2, 3, 8, 8))
    y = torch_twins.convolve(x, state["0.weight"], None, 2, 1)
    y = torch_twins.batch_norm(
        y, {k[2:]: v for k, v in state.items() if k.startswith("1.")}
    )
    y = np.maximum(y, 0)
    y = torch_twins.convolve(y, state["3.weight"], state["3.bias"])
    expected = _forward(state, np.maximum(y, 0).reshape(2, -1), "6")
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.ZeroPadding2D(1),
            layers.Conv2D(4, 3, 2, use_bias=False),
            layers.BatchNormalization(epsilon=1e-5),
            layers.ReLU(),
            layers.Conv2D(6, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )
    report = _transfer(state, model, on_mismatch="error")
    found = model(torch_twins.channels_last(x), training=False)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert report.is_complete and not report.warnings


def test_another_head_stays(generator):
    model = dense_model(4, a=3, head=5)
    before = model.get_layer("head").get_weights()
    report = _transfer(torch_dense(4, a=3, head=2), model)
    for old, new in zip(
        before, model.get_layer("head").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(old, new)
    assert [row.name for row in report.left_over] == [
        "head.weight",
        "head.bias",
    ]
    assert report.left_over[0].reason == "head/kernel has the shape (3, 5)"
    assert report.unfilled[0].reason == "head.weight has the shape (2, 3)"


@pytest.mark.parametrize("rows", [2, 5])
@pytest.mark.parametrize("columns", [2, 5])
def test_crop_copies_the_leading_block(rows, columns, generator):
    kernel = generator.normal(size=(columns, rows)).astype("float32")
    model = dense_model(3, a=4)
    before = model.get_weights()[0]
    report = _transfer({"a.weight": kernel}, model, on_mismatch="crop")
    after = model.get_weights()[0]
    shared = slice(min(rows, 3)), slice(min(columns, 4))
    np.testing.assert_array_equal(after[shared], kernel.T[shared])
    rest = np.ones((3, 4), bool)
    rest[shared] = False
    np.testing.assert_array_equal(after[rest], before[rest])
    (row,) = report.transferred
    assert row.note == f"OI to IO, cropped from {(rows, columns)}"


def test_crop_needs_as_many_axes():
    model = dense_model(3, a=4)
    arrays = {"a.weight": np.ones((4, 3, 1)), "a.bias": np.ones(4)}
    report = _transfer(arrays, model, on_mismatch="crop")
    assert [row.reason for row in report.left_over] == ["its 3 axes are not 2"]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (torch_dense(4, a=3, b=5), r"b.weight \(b/kernel has the shape"),
        (torch_dense(4, a=3), r"Without a value: b/kernel \(nothing"),
        (torch_dense(4, a=3, b=2, c=2), r"c.weight .*c.bias .*: nothing\."),
    ],
    ids=["shape", "target", "source"],
)
def test_error_needs_all_on_both_sides_and_changes_nothing(arrays, said):
    model = dense_model(4, a=3, b=2)
    before = model.get_weights()
    with pytest.raises(ValueError, match=said):
        _transfer(arrays, model, on_mismatch="error")
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_error_accepts_what_the_mapping_leaves_out():
    arrays = torch_dense(4, a=3, fc=2)
    model = dense_model(4, a=3)
    report = _transfer(arrays, model, mapping={"fc": None}, on_mismatch="error")
    assert len(report.transferred) == 2
    assert report.left_over[0].reason == "left out by the mapping"


def test_a_mapping(generator):
    arrays = torch_dense(4, **{"net.a": 3, "net.b": 2})
    model = dense_model(4, x_a=3, x_b=2)
    _transfer(arrays, model, mapping={"net.*": "x_*"}, on_mismatch="error")
    x = generator.normal(size=(5, 4))
    np.testing.assert_allclose(
        model(x), _forward(arrays, x, "net.a", "net.b"), atol=1e-5
    )


def test_two_weights_for_one_place():
    arrays = torch_dense(4, a=3, b=3)
    model = dense_model(4, c=3)
    before = model.get_weights()
    with pytest.raises(ValueError, match="Both 'a.weight' and 'b.weight'"):
        _transfer(arrays, model, mapping={"a": "c", "b": "c"})
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_nothing_that_fits_is_an_error():
    with pytest.raises(ValueError, match="None of the 2 weights.*mapping="):
        _transfer(torch_dense(4, a=3), dense_model(5, b=3))


def test_many_names_are_not_all_told():
    arrays = torch_dense(4, **{f"a{i}": 4 for i in range(10)})
    with pytest.raises(ValueError, match="and 15 more"):
        _transfer(arrays, dense_model(5, b=3))


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "bfloat16"])
def test_data_types_become_the_target_s(dtype):
    values = np.array([[1.0, -2.0]])
    if dtype == "bfloat16":
        values = np.asarray(keras.ops.cast(values, dtype))
    else:
        values = values.astype(dtype)
    model = dense_model(2, a=1)
    _transfer({"a.weight": values}, model)
    assert model.weights[0].dtype == "float32"
    np.testing.assert_array_equal(model.get_weights()[0], [[1], [-2]])


def test_targets_in_half_precision():
    keras.config.set_dtype_policy("float16")
    model = dense_model(2, a=1)
    _transfer({"a.weight": np.array([[1.0, -2.0]])}, model)
    assert to_numpy(model.weights[0]).dtype == "float16"
    np.testing.assert_array_equal(to_numpy(model.weights[0]), [[1], [-2]])


def test_it_goes_on_training():
    model = dense_model(2, a=1)
    model.compile("sgd", "mse")
    x = np.ones((8, 2))
    model.fit(x, np.ones(8), verbose=0)
    _transfer({"a.weight": np.full((1, 2), 3.0)}, model)
    np.testing.assert_allclose(
        model.predict(x, verbose=0)[0], 6 + model.get_weights()[1], rtol=1e-6
    )
    before = model.get_weights()[0]
    model.fit(x, np.ones(8), verbose=0)
    assert np.all(model.get_weights()[0] < before)


def test_an_epsilon_that_differs_is_a_warning(generator):
    model = keras.Sequential(
        [keras.Input((3,)), layers.BatchNormalization(name="bn")]
    )
    report = _transfer(torch_twins.norm_state(generator, 3, "bn."), model)
    assert report.warnings == ("epsilon is 0.001 and was 1e-05 in bn",)


class _Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat = layers.Flatten(name="flat")
        self.fc = layers.Dense(2, name="fc")

    def call(self, x):
        return self.fc(self.flat(x))


def test_flattening_that_cannot_be_followed_is_a_warning():
    model = _Subclassed()
    model(np.zeros((1, 2, 2, 3)))
    report = _transfer({"fc.weight": np.ones((2, 12))}, model)
    (warning,) = report.warnings
    assert warning.startswith("flat flattens where no graph shows")
    assert _transfer({"fc/kernel": np.ones((12, 2))}, model).warnings == ()


def test_the_report_is_printed_on_request(capsys):
    arrays, model = torch_dense(2, a=1), dense_model(2, a=1)
    report = transfer_weights(arrays, model)
    assert str(report) in capsys.readouterr().err
    transfer_weights(arrays, model, verbose=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (3, "`source`.*a keras.Model, a file, or a dict"),
        ({}, "`source`.*a dict with weights"),
        ("net.weights.h5", "numbers its arrays"),
        ("missing.keras", "a file that exists"),
        ("missing.pt", "a file that exists"),
        (keras.Sequential(), "`source`.*built"),
    ],
    ids=range(6),
)
def test_sources_that_cannot_be(source, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=said):
        _transfer(source, dense_model(2, a=1))


def test_other_arguments_that_cannot_be():
    arrays, model = torch_dense(2, a=1), dense_model(2, a=1)
    with pytest.raises(ValueError, match="`target`.*built"):
        _transfer(arrays, keras.Sequential([layers.Dense(1)]))
    with pytest.raises(ValueError, match="`on_mismatch`.*'skip'"):
        _transfer(arrays, model, on_mismatch="skp")
    with pytest.raises(ValueError, match="`mapping`"):
        _transfer(arrays, model, mapping="names")
