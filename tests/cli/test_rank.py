"""`keras-transfer rank` on small folders of real files."""

import json

import pytest

from keras_transfer.cli import main as cli
from tests.cli import strokes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return strokes.write(tmp_path_factory.mktemp("strokes"))


@pytest.fixture
def run(folder, capsys):
    def run_rank(*options, backbones=("omniglot_conv4",)):
        status = cli.main(
            [
                "rank",
                *("--images", str(folder), "--size", "28"),
                *("--backbones", *backbones, *options),
            ]
        )
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_rank


def test_backbones_see_the_same_rows_and_are_ranked(run):
    status, out, _ = run(
        *("--rows", "24", "--scores", "logme", "transrate", "--json"),
        backbones=("omniglot_conv4", "omniglot_prototypical"),
    )
    assert status == 0
    ranking = json.loads(out)
    assert ranking["num_rows"] == 24
    assert ranking["scores"] == ["logme", "transrate"]
    logme = [row["scores"]["logme"] for row in ranking["rows"]]
    assert logme == sorted(logme, reverse=True)
    assert {row["name"] for row in ranking["rows"]} == {
        "omniglot_conv4",
        "omniglot_prototypical",
    }


def test_the_table_is_printed(run):
    status, out, _ = run()
    assert status == 0
    assert "40 of 40 images of 2 classes." in out
    assert "logme" in out and "112,192" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scores", "logmee"], "logme"),
        (["--images", "none_such"], "none_such"),
        (["--backbones", "omniglot_conv5"], "omniglot_conv4"),
    ],
)
def test_bad_input_is_one_line(run, options, message):
    status, out, err = run(*options)
    assert (status, out.count("\n")) in ((2, 0), (2, 1))
    assert message in err and err.strip().count("\n") == 0
