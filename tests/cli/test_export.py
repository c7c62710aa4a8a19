"""`keras-transfer export`: statuses, words and JSON."""

import json
import subprocess
import sys

import keras
import pytest

import keras_transfer as kt
from keras_transfer.cli import main as cli
from keras_transfer.export import model_card
from keras_transfer.export import probes
from keras_transfer.export import verification
from keras_transfer.export.check import Check
from keras_transfer.export.verification import Trial
from tests.export import exported


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    exported.image_model().save(path)
    return path


@pytest.fixture
def untried(monkeypatch):
    """Without the processes, for what the command itself does."""
    monkeypatch.setattr(verification, "try_out", exported.nothing_tried)


@pytest.fixture
def run(capfd):
    """Runs `keras-transfer export ...`: status, standard output and error."""

    def run_export(*arguments):
        status = cli.main(["export", *map(str, arguments)])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run_export


def _names(tmp_path, text="daisy\nrose\ntulip\n"):
    path = tmp_path / "names.txt"
    path.write_text(text, "utf-8")
    return path


def test_what_is_printed(untried, run, model_path, tmp_path):
    base = tmp_path / "served" / "flowers"
    status, out, _ = run(model_path, base)
    assert status == 0
    lines = out.splitlines()
    assert "pass  tried" in lines
    assert lines[-1].endswith(" s")
    assert "nothing was compared" in lines[-1]
    assert lines[-1].startswith(f"{base / '1'}: ")
    assert "fail" not in out


def test_json_is_alone_on_stdout(untried, run, model_path, tmp_path):
    status, out, _ = run(model_path, tmp_path / "x", "--json")
    result = json.loads(out)
    assert (status, result["passed"]) == (0, True)
    assert result["path"] == str(tmp_path / "x" / "1")
    assert "tried" in {check["name"] for check in result["checks"]}


def test_every_option_arrives(untried, run, model_path, tmp_path):
    status, _, _ = run(
        model_path,
        tmp_path / "x",
        "--class-names",
        _names(tmp_path, "\ufeffdaisy\n rose \n\ntulip\n\n"),
        "--signatures",
        "image_bytes, features",
        "--activation",
        "sigmoid",
        "--features",
        "flatten",
        "--on-invalid",
        "mask",
        "--batching",
        "6",
    )
    assert status == 0
    version = tmp_path / "x" / "1"
    card = model_card.read(version)
    assert card["class_names"] == ["daisy", "rose", "tulip"]
    assert card["activation"] == "sigmoid"
    assert card["on_invalid"] == "mask"
    known = probes.signatures(version)
    assert set(known) == {"image_bytes", "features", "serving_default"}
    assert set(known["serving_default"].inputs) == {"image_bytes"}
    text = (version / "batching_params.pbtxt").read_text()
    assert "max_batch_size { value: 6 }" in text


def test_no_activation(untried, run, model_path, tmp_path):
    names = _names(tmp_path)
    options = ("--class-names", names, "--activation", "none")
    assert run(model_path, tmp_path / "x", *options)[0] == 0
    assert model_card.read(tmp_path / "x" / "1")["activation"] is None


@pytest.mark.parametrize("as_json", [False, True])
def test_a_failed_check_is_status_1(
    monkeypatch, run, model_path, tmp_path, as_json
):
    trial = Trial([Check("predict", "fail", "it differs")], {}, {})
    monkeypatch.setattr(verification, "try_out", lambda *a, **k: trial)
    options = ["--json"] if as_json else []
    status, out, _ = run(model_path, tmp_path / "x", *options)
    assert status == 1
    assert list((tmp_path / "x").iterdir()) == []
    if as_json:
        assert json.loads(out)["passed"] is False
    else:
        assert out.startswith("The export was not published: ")
        assert "it differs" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["none.keras", "x"],
        ["MODEL", "gs://bucket/flowers"],
        ["MODEL", "x", "--class-names", "none.txt"],
        ["MODEL", "x", "--signatures", "predicts"],
        ["MODEL", "x", "--batching", "4"],
        ["MODEL", "x", "--features", "nowhere", "--signatures", "features"],
        ["MODEL", "MODEL"],
    ],
)
def test_bad_input_is_one_line(
    run, model_path, tmp_path, monkeypatch, arguments
):
    monkeypatch.chdir(tmp_path)
    arguments = [str(model_path) if a == "MODEL" else a for a in arguments]
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    (line,) = [x for x in err.splitlines() if x.startswith("keras-transfer: ")]
    assert err.splitlines()[-1] == line
    assert list(tmp_path.iterdir()) == []


def test_code_in_a_file_asks_for_trust(untried, run, tmp_path):
    path = tmp_path / "model.keras"
    double = keras.layers.Lambda(lambda x: 2 * x, output_shape=(4,))
    keras.Sequential([keras.Input((4,)), double]).save(path)
    status, _, err = run(path, tmp_path / "x")
    assert (status, "--trust" in err) == (2, True)
    assert run(path, tmp_path / "x", "--trust")[0] == 0


@pytest.mark.parametrize(
    "arguments", [[], ["--batching", "0"], ["--on-invalid", "never"]]
)
def test_wrong_usage_is_one_line(run, arguments, capfd):
    more = ["model.keras", "x"] if arguments else []
    with pytest.raises(SystemExit) as stop:
        run(*more, *arguments)
    assert stop.value.code == 2
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_as_a_user_types_it(model_path, tmp_path):
    command = [sys.executable, "-m", "keras_transfer_command", "export"]
    found = subprocess.run(
        [*command, model_path, tmp_path / "x", "--json"],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    result = json.loads(found.stdout)
    assert result["passed"] is True
    assert kt.export.Report(result["path"], [], {}).path.is_dir()
    names = {check["name"] for check in result["checks"]}
    assert "predict, graph and session" in names
