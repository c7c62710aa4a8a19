"""`keras-transfer verify`: statuses, words and JSON."""

import json
import shutil

import keras
import pytest

from keras_transfer.cli import main as cli
from keras_transfer.export import verification
from tests.export import exported


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    """A version that was not tried, next to its model."""
    folder = tmp_path_factory.mktemp("export")
    model = exported.number_model()
    model.save(folder / "model.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "try_out", exported.nothing_tried)
        arguments = [folder / "model.keras", folder / "served"]
        assert cli.main(["export", *map(str, arguments)]) == 0
    return folder / "served" / "1"


@pytest.fixture
def untried(monkeypatch):
    monkeypatch.setattr(verification, "try_out", exported.nothing_tried)


@pytest.fixture
def run(capfd):
    """Runs `keras-transfer verify ...`: status, standard output and error."""
    capfd.readouterr()  # what the fixtures printed

    def run_verify(*arguments):
        status = cli.main(["verify", *map(str, arguments)])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run_verify


@pytest.mark.slow
def test_a_version_in_order(version, run):
    model = version.parents[1] / "model.keras"
    status, out, _ = run(version, "--against", model)
    assert status == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["pass", "loads,", "C", "API"] in lines
    # Texts begin in one column.
    (size,) = [x for x in out.splitlines() if x.startswith("pass  size")]
    (names,) = [x for x in out.splitlines() if x.startswith("warn  class")]
    assert size.index("0.0 MB") == names.index("none:")
    assert out.splitlines()[-1].startswith(f"{version}: ")
    assert " 1 warn" in out.splitlines()[-1]
    assert "largest difference" in out.splitlines()[-1]


@pytest.mark.slow
def test_another_model_is_status_1(version, run, tmp_path):
    other = exported.number_model()
    (model,) = version.parents[1].glob("*.keras")
    weights = keras.saving.load_model(model).get_weights()
    # The classes stay the same.
    other.set_weights([1.05 * w for w in weights])
    other.save(tmp_path / "other.keras")
    options = ("--against", tmp_path / "other.keras")
    status, out, _ = run(version, *options, "--json")
    result = json.loads(out)
    assert (status, result["passed"]) == (1, False)
    assert result["largest_difference"] > 0.001
    assert run(version, *options, "--tolerance", "0.1")[0] == 0


def test_json_is_alone_on_stdout(untried, version, run):
    status, out, _ = run(version, "--json")
    result = json.loads(out)
    assert (status, result["passed"]) == (0, True)
    assert result["path"] == str(version)


def test_a_failed_check_is_status_1(untried, version, run, tmp_path):
    shutil.copytree(version, tmp_path / "latest")
    status, out, _ = run(tmp_path / "latest")
    assert status == 1
    assert "a server ignores the name 'latest'" in out
    assert ", 1 fail" in out.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["none"],
        ["BASE"],
        ["gs://bucket/flowers/1"],
        ["VERSION", "--against", "none.keras"],
        ["VERSION", "--against", "code.keras"],
    ],
)
def test_bad_input_is_one_line(version, run, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    double = keras.layers.Lambda(lambda x: 2 * x, output_shape=(4,))
    keras.Sequential([keras.Input((4,)), double]).save("code.keras")
    places = {"BASE": version.parent, "VERSION": version}
    status, out, err = run(*(places.get(a, a) for a in arguments))
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith("keras-transfer: ")


def test_the_base_folder_asks_for_a_version(version, run):
    _, _, err = run(version.parent)
    assert f"as '{version}'" in err
