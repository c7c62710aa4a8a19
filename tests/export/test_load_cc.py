"""The C++ program loads exports and tells right from wrong."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt

CHECK = pathlib.Path(__file__).parents[2] / "export" / "check" / "check.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="builds on Linux"
    ),
    pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++"),
]


@pytest.fixture(scope="session")
def check():
    """The script `check.py` as a module."""
    spec = importlib.util.spec_from_file_location("check", CHECK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def program(check, tmp_path_factory):
    """The built program."""
    return check.build(tmp_path_factory.mktemp("build") / "load")


@pytest.fixture(scope="session")
def module_folder(tmp_path_factory):
    """A SavedModel whose signatures say what goes wrong."""
    module = tf.Module()

    def back(**tensors):
        return {f"{key}_back": tf.identity(x) for key, x in tensors.items()}

    def strict(x):
        return {"mean": tf.reduce_mean(tf.ensure_shape(x, (None, 4)), 1)}

    @tf.function(jit_compile=True)
    def compiled(x):
        return tf.sin(x) + 1.0

    row = tf.TensorSpec((None, 4), name="x")
    functions = {
        "strict": tf.function(strict).get_concrete_function(row),
        "with_xla": tf.function(
            lambda x: {"y": compiled(x)}
        ).get_concrete_function(row),
        "back": tf.function(back).get_concrete_function(
            **{
                name: tf.TensorSpec(None, array.dtype, name=name)
                for name, array in arrays().items()
            }
        ),
    }
    path = tmp_path_factory.mktemp("module") / "1"
    tf.saved_model.save(module, str(path), signatures=functions)
    return path


def arrays():
    """One array of each type, of several ranks."""
    numbers = np.arange(-3, 3).reshape(1, 2, 3)
    names = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16"
    names += " uint32 uint64 bool complex64 complex128"
    found = {name: numbers.astype(name) for name in names.split()}
    found["bfloat16"] = numbers.astype(ml_dtypes.bfloat16)
    found["float32"][0, 0] = [np.nan, np.inf, 1e-40]
    found["scalar"] = np.array(2.5)
    found["empty"] = np.zeros((0, 3), "float32")
    found["string"] = np.array(
        [[b"", b"a\nb\n"], [b"\0\xff" * 500, "\N{SNOWMAN}".encode()]], object
    )
    found["word"] = np.array(b"one", dtype=object)
    return found


def test_every_type_goes_in_and_out(check, program, module_folder):
    given = arrays()
    result = check.run(
        program,
        module_folder,
        "back",
        given,
        expected={f"{name}_back": array for name, array in given.items()},
        outputs={
            f"{name}_back": ".strings" if array.dtype == object else ".npy"
            for name, array in given.items()
        },
        more=["--tolerance", "0"],
    )
    assert result.status == 0, result.error
    differences = [x for x in result.lines if x.startswith("difference")]
    assert sorted(differences) == sorted(
        f"difference {name}_back 0" for name in given
    )
    for name, array in given.items():
        back = result.outputs[f"{name}_back"]
        assert back.shape == array.shape
        if array.dtype == object:
            assert back.tolist() == array.tolist()
        else:
            assert back.tobytes() == array.tobytes()
            assert back.dtype == array.dtype or name == "bfloat16"


def _cnn():
    inputs = keras.Input((6, 6, 1), name="image")
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    x = keras.layers.Dense(3, name="logits")(x)
    images = np.random.default_rng(0).normal(size=(5, 6, 6, 1))
    return keras.Model(inputs, x), {"image": images.astype("float32")}


def _text():
    inputs = keras.Input((), dtype="string", name="text")
    vectorizer = keras.layers.TextVectorization(
        output_sequence_length=4, vocabulary=["good", "bad", "film"]
    )
    x = keras.layers.Embedding(5, 3)(vectorizer(inputs))
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(2, name="logits")(x)
    words = np.array(["good film", "", "a bad, BAD film"], dtype=object)
    return keras.Model(inputs, x), {"text": words}


def _dict():
    shapes = {"left": (2,), "right": (3,)}
    inputs = {k: keras.Input(shape, name=k) for k, shape in shapes.items()}
    x = keras.layers.Concatenate()(list(inputs.values()))
    x = keras.layers.Dense(1, name="out")(x)
    rng = np.random.default_rng(0)
    given = {k: rng.normal(size=(4, *shape)) for k, shape in shapes.items()}
    given = {key: array.astype("float32") for key, array in given.items()}
    return keras.Model(inputs, x), given


@pytest.mark.parametrize("make", [_cnn, _text, _dict])
def test_exports_answer_as_in_python(check, program, tmp_path, make):
    model, given = make()
    version = os.fspath(kt.export.save(model, tmp_path / "served"))
    tensors = {key: tf.constant(array) for key, array in given.items()}
    inputs = tensors if make is _dict else next(iter(tensors.values()))
    (name,) = model.output_names
    expected = {name: model(inputs, training=False).numpy()}
    result = check.run(program, version, "predict", given, expected)
    assert result.status == 0, result.error
    wrong = {name: expected[name] + 1e-3}
    result = check.run(program, version, "predict", given, wrong)
    assert result.status == 3
    assert "the largest difference is 0.001" in result.error


def test_check_runs_what_an_export_recorded(check, program, tmp_path, capsys):
    version = os.fspath(kt.export.save(_cnn()[0], tmp_path / "served"))
    sys_argv = ["check.py", version, "--repeat", "3"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", sys_argv)
        patch.setattr(check, "build", lambda: program)
        assert check.main() == 0
        shown = capsys.readouterr().out
        assert "predict              passes" in shown
        assert "difference logits" in shown
        assert "latency runs 3 median_ms" in shown
        patch.setattr(sys, "argv", [*sys_argv, "--tolerance", "-1"])
        assert check.main() == 1
        assert "fails" in capsys.readouterr().out
        patch.setattr(sys, "argv", ["check.py", str(tmp_path)])
        with pytest.raises(SystemExit) as stop:
            check.main()
        assert stop.value.code == 2


def test_check_without_records_is_no_success(
    check, program, module_folder, capsys, monkeypatch
):
    monkeypatch.setattr(sys, "argv", ["check.py", str(module_folder)])
    monkeypatch.setattr(check, "build", lambda: program)
    assert check.main() == 1
    assert "Nothing was compared" in capsys.readouterr().out


X = np.ones((2, 4), "float32")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones((2, 5), "float32"), "INVALID_ARGUMENT.*[2,5]"),
        (np.ones((2, 4)), "INVALID_ARGUMENT: Expects.*float but double"),
        (np.array([["a"] * 4]), "INVALID_ARGUMENT: Expects.*but string"),
    ],
)
def test_wrong_inputs_are_refused_by_the_graph(
    check, program, module_folder, given, message
):
    result = check.run(program, module_folder, "strict", {"x": given})
    assert result.status == 1
    for part in message.split(".*"):
        assert part in result.error


def test_xla_is_off(check, program, module_folder):
    result = check.run(program, module_folder, "with_xla", {"x": X})
    assert result.status == 1
    assert "XLA compilation disabled" in result.error


def test_other_types_and_shapes_are_a_difference(check, program, module_folder):
    for wrong in (np.ones(2), np.ones((2, 1), "float32"), np.array(["1", "1"])):
        expected = {"mean": wrong}
        result = check.run(program, module_folder, "strict", {"x": X}, expected)
        assert result.status == 3
        assert "difference mean inf" in result.lines


def _start(check, program, *words, **options):
    return subprocess.run(
        [str(program), *map(str, words)],
        env=check.environment(),
        capture_output=True,
        text=True,
        **options,
    )


def test_signatures_are_listed(check, program, module_folder):
    run = _start(check, program, module_folder)
    assert run.returncode == 0
    assert "signature strict tensorflow/serving/predict" in run.stdout
    assert "  input x float [?,4]" in run.stdout
    assert "  output mean float [?]" in run.stdout
    assert "__saved_model_init_op" not in run.stdout


def test_latencies_are_printed(check, program, module_folder, tmp_path):
    path = check.write_tensor(tmp_path / "x", X)
    command = (module_folder, "strict", "--input", f"x={path}")
    options = ("--repeat", "5", "--wait")
    run = _start(check, program, *command, *options, input="2\n30\n")
    assert run.returncode == 0, run.stderr
    lines = [x.split() for x in run.stdout.splitlines() if "latency" in x]
    assert [line[2] for line in lines] == ["5", "2", "30"]
    for line in lines:
        assert line[3::2] == ["median_ms", "p90_ms"]
        assert 0 < float(line[4]) <= float(line[6])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Usage:"),
        (["F", "strict", "more"], "One word too many: more"),
        (["F", "strict", "--inputs", "x"], "--inputs is unknown"),
        (["F", "strict", "--input"], "--input is unknown or needs a value"),
        (["F", "strict", "--input", "x.npy"], "needs KEY=FILE, not x.npy"),
        (["F", "strict", "--repeat", "-1"], "needs a number from 0, not -1"),
        (["F", "strict", "--tolerance", "1x"], "a number from 0, not 1x"),
        (["F", "stric"], "has no signature stric, but __saved"),
        (["F", "strict"], "needs the inputs x; given: none"),
        (["F", "strict", "--input", "y=x.npy"], "no input y, but x"),
        (["F", "strict", "--input", "x=no.npy"], "no.npy: cannot be opened"),
        (["F", "strict", "--input", "x=x.txt"], "must end in .npy or .strings"),
        (["F", "strict", "--input", "x=bad.npy"], "bad.npy: is no .npy file"),
        (["F", "strict", "--input", "x=cut.npy"], "too few or too many bytes"),
        (["F", "strict", "--input", "x=f.npy"], "is in Fortran order"),
        (["F", "strict", "--input", "x=v.npy"], "which cannot be read"),
        (["F", "strict", "--input", "x=bad.strings"], "is no .strings file"),
        (["F", "strict", "--input", "x=few.strings"], "fewer strings than its"),
        (["F", "strict", "--input", "x=cut.strings"], "where its length says"),
        (["F", "strict", "--input", "x=let.strings"], "no length before str"),
        (
            ["F", "strict", "--input", "x=x.npy", "--output", "mean=a.strings"],
            "a.strings: must end in .npy for float",
        ),
        (
            ["F", "strict", "--input", "x=x.npy", "--output", "mean=no/a.npy"],
            "no/a.npy: cannot be written",
        ),
        (
            ["F", "strict", "--input", "x=x.npy", "--expected", "max=x.npy"],
            "no output max, but mean",
        ),
    ],
)
def test_a_wrong_command_says_what_is_wrong(
    check, program, module_folder, tmp_path, words, message
):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "f.npy", np.asfortranarray(X))
    np.save(tmp_path / "v.npy", X.astype("datetime64[s]"))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-1])
    (tmp_path / "bad.npy").write_bytes(b"no NumPy here, but long enough")
    (tmp_path / "x.txt").write_text("1")
    (tmp_path / "bad.strings").write_text("2\n1\na\n1\nb\n")
    (tmp_path / "few.strings").write_text("strings 1000000000\n1\na\n")
    (tmp_path / "cut.strings").write_text("strings 1\n5\nabcd\n")
    (tmp_path / "let.strings").write_text("strings 1\nx\nabcd\n")
    words = [str(module_folder) if word == "F" else word for word in words]
    run = _start(check, program, *words, cwd=tmp_path)
    assert run.returncode == 2
    assert message in run.stderr
    assert not list(tmp_path.glob("*.partial"))


def test_a_folder_without_a_model_is_refused(check, program, tmp_path):
    run = _start(check, program, tmp_path)
    assert run.returncode == 1
    assert "NOT_FOUND: Could not find SavedModel" in run.stderr
    run = _start(check, program, tmp_path, "predict", "--tags", "serve,tpu")
    assert run.returncode == 1


def test_it_is_built_once_and_says_why_it_cannot_be(
    check, program, tmp_path, monkeypatch
):
    before = program.stat().st_mtime_ns
    assert check.build(program) == program
    assert program.stat().st_mtime_ns == before
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(RuntimeError, match="no no-such-compiler: install one"):
        check.build(tmp_path / "load")
    assert list(tmp_path.iterdir()) == []
