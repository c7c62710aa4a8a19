"""`keras-transfer zoo`: what people and programs get, and what is left."""

import json
import pathlib
import sys

import pytest

from keras_transfer import zoo
from keras_transfer.cli import main as cli
from keras_transfer.zoo import card as cards
from tests.zoo import archives
from tests.zoo import environment
from tests.zoo import server

PACKED = archives.pack()
NAME = "mobilenet_v2_100_224"
WRONG = "#sha256=" + "0" * 64


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
    """No setting of this machine counts, and failures do not wait."""
    environment.isolate(monkeypatch, tmp_path / "default")


@pytest.fixture
def web():
    with server.running() as running:
        yield running


@pytest.fixture
def run(capsys):
    """Runs `keras-transfer zoo ...`: status, standard output and error."""

    def run_zoo(*arguments):
        status = cli.main(["zoo", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_zoo


def _names(out):
    """The first column of the table."""
    return [line.split()[0] for line in out.splitlines()[2:-1]]


def _is_one_line(status, out, err):
    assert status == 2
    assert out == ""
    assert err.startswith("keras-transfer: ")
    assert err.count("\n") == 1 and err.endswith("\n")
    return True


def _files(folder):
    """Files below a folder, but for the locks, which stay."""
    return [
        path
        for path in pathlib.Path(folder).rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    ]


# === list


def test_a_pattern_lists_the_names_that_match(run):
    status, out, _ = run("list", "mobilenet_v2_*_224")
    assert status == 0
    names = _names(out)
    assert NAME in names and len(names) > 2
    assert all(name.startswith("mobilenet_v2_") for name in names)
    assert out.splitlines()[-1] == f"{len(names)} backbones"


def test_a_row_tells_what_one_chooses_by(run):
    _, out, _ = run("list", NAME)
    header, _, row, count = out.splitlines()
    assert header.split() == [
        *("name", "task", "input", "features", "parameters", "licence")
    ]
    cells = [NAME, "image", "224 x 224 x 3 float32", "1280", "2,257,984"]
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        *cells,
        "apache-2.0",
    ]
    assert count == "1 backbone"


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("--task", "task", "audio"),
        ("--task", "task", "IMAGE"),
        ("--license", "license", "apache-2.0"),
        ("--source", "source", "keras_applications"),
    ],
)
def test_filters_keep_what_they_name_and_only_that(run, option, field, value):
    status, out, _ = run("list", option, value, "--json")
    assert status == 0
    found = {card["name"] for card in json.loads(out)["backbones"]}
    expected = {
        card.name
        for card in zoo.list_backbones()
        if getattr(card, field) == value.lower()
    }
    assert found == expected
    assert 0 < len(found) < len(zoo.list_backbones())


def test_filters_add_up(run):
    _, out, _ = run("list", "*bert*", "--task", "image", "--json")
    assert json.loads(out) == {"backbones": []}


def test_no_match_is_no_error(run):
    status, out, err = run("list", "nothing_like_it*")
    assert (status, out, err) == (0, "0 backbones\n", "")


@pytest.mark.parametrize(
    ("option", "known"),
    [("task", "audio"), ("license", "apache-2.0"), ("source", "tfhub")],
)
def test_an_unknown_filter_names_the_known_ones(run, option, known):
    status, out, err = run("list", f"--{option}", "nonsense")
    assert _is_one_line(status, out, err)
    assert option in err and "nonsense" in err and known in err


# === info


def test_info_says_what_is_known(run):
    status, out, _ = run("info", NAME)
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == NAME
    card = zoo.find_card(NAME)
    assert any(line.split() == ["handle", card.handle] for line in lines), lines
    assert any(line.split() == ["parameters", "2,257,984"] for line in lines)


def test_info_takes_the_handle_too(run):
    by_name = run("info", NAME, "--json")
    by_handle = run("info", zoo.find_card(NAME).handle, "--json")
    assert by_name == by_handle
    assert json.loads(by_name[1]) == json.loads(
        json.dumps(zoo.find_card(NAME).to_dict())
    )


def test_info_reads_the_card_of_a_saved_backbone(run, tmp_path):
    facts = {"name": "mine", "source": "folder", "handle": "x", "features": 7}
    cards.write(cards.Card.from_dict(facts), _folder(tmp_path))
    status, out, _ = run("info", tmp_path, "--json")
    assert status == 0
    assert json.loads(out)["features"] == 7
    assert json.loads(out)["handle"] == str(tmp_path)


def test_info_of_a_folder_without_a_card_is_refused(run, tmp_path):
    assert _is_one_line(*run("info", tmp_path))


@pytest.mark.parametrize(
    "name", ["mobilenet_v2_100_225", "keras_applications/resnet_50"]
)
def test_info_suggests_close_names(run, name):
    status, out, err = run("info", name)
    assert _is_one_line(status, out, err)
    assert "Did you mean" in err


def _folder(path):
    (path / "assets.extra").mkdir()
    return path


# === pull


def test_pull_says_where_it_is(run, web, tmp_path):
    handle = web.serve("/encoder/1", PACKED)
    status, out, _ = run("pull", handle)
    assert status == 0
    (folder,) = out.splitlines()
    assert pathlib.Path(folder).parent == tmp_path / "default"
    assert (pathlib.Path(folder) / "saved_model.pb").is_file()


def test_pull_into_a_cache_says_how_to_load_from_it(run, web, tmp_path):
    handle = web.serve("/encoder/1", PACKED)
    cache = tmp_path / "my models"
    _, out, _ = run("pull", handle, "--cache", cache)
    folder, hint = out.splitlines()
    assert pathlib.Path(folder).parent == cache
    assert hint.endswith(f"export TFHUB_CACHE_DIR='{cache}'")
    assert not (tmp_path / "default").exists()


def test_for_a_kaggle_handle_the_hint_is_kagglehub_s(
    run, monkeypatch, tmp_path
):
    folder = tmp_path / "models" / "google" / "yamnet"
    monkeypatch.setattr(zoo, "pull", lambda *_, **__: str(folder))
    _, out, _ = run("pull", "google/yamnet/tensorFlow2/a", "--cache", tmp_path)
    assert out.splitlines()[1].endswith(f"export KAGGLEHUB_CACHE={tmp_path}")


def test_pull_of_what_is_here_already_gives_no_hint(run, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    (here / "saved_model.pb").write_bytes(b"")
    status, out, _ = run("pull", here, "--cache", tmp_path / "cache")
    assert (status, out) == (0, f"{here}\n")


def test_pull_offline_finds_what_was_pulled(run, web, tmp_path):
    handle = web.serve("/encoder/1", PACKED)
    before = run("pull", handle, "--offline", "--cache", tmp_path / "a")
    assert _is_one_line(*before)
    assert "zoo pull" in before[2] and not web.requests
    assert not _files(tmp_path)
    first = run("pull", handle, "--cache", tmp_path / "a")
    again = run("pull", handle, "--offline", "--cache", tmp_path / "a")
    assert again[:2] == first[:2] == (0, first[1])
    assert len(web.requests) == 1


def test_pull_from_a_mirror(run, web):
    web.serve("/hub/encoder/1", PACKED)
    handle = "https://hub.invalid/encoder/1"
    assert run("pull", handle, "--mirror", f"{web.url}/hub")[0] == 0
    assert run("pull", handle, "--offline")[0] == 0


def test_pull_prints_one_object_with_json(run, web):
    handle = web.serve("/encoder/1", PACKED)
    status, out, err = run("pull", handle, "--json")
    assert status == 0
    assert out.count("\n") == 1
    report = json.loads(out)
    assert report["name"] == handle
    assert pathlib.Path(report["folder"], "saved_model.pb").is_file()
    assert err == ""


@pytest.mark.parametrize(
    ("terminal", "options", "verbose"),
    [(True, [], 1), (True, ["--json"], 0), (False, [], 0)],
)
def test_a_bar_is_for_people(run, monkeypatch, terminal, options, verbose):
    received = []
    monkeypatch.setattr(
        zoo, "pull", lambda *_, **given: received.append(given["verbose"])
    )
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert run("pull", NAME, *options)[0] == 0
    assert received == [verbose]


@pytest.mark.parametrize("json_too", [[], ["--json"]])
@pytest.mark.parametrize(
    ("path", "pin", "message"),
    [
        ("/encoder/1", WRONG, "checksum"),
        ("/encoder/2", "", "404"),
        ("/page/1", "", "archive"),
    ],
)
def test_a_failed_pull_is_one_line_and_leaves_nothing(
    run, web, tmp_path, path, pin, message, json_too
):
    web.serve("/encoder/1", PACKED)
    web.serve("/page/1", b"<html>" * 100)
    status, out, err = run("pull", web.url + path + pin, *json_too)
    assert _is_one_line(status, out, err)
    assert message in err
    assert not _files(tmp_path)


def test_an_unknown_host_is_one_line(run, tmp_path):
    status, out, err = run("pull", "http://no-such-host.invalid/model/1")
    assert _is_one_line(status, out, err)
    assert "no-such-host.invalid" in err
    assert not _files(tmp_path)


def test_pull_suggests_close_names(run):
    status, out, err = run("pull", "mobilenet_v2_100_225")
    assert _is_one_line(status, out, err)
    assert repr(NAME) in err


@pytest.mark.parametrize("option", ["--cache", "--mirror"])
def test_options_that_keras_does_not_obey_are_refused(run, option):
    status, out, err = run(
        "pull", "keras_applications/mobilenet_v2", option, "http://a.b"
    )
    assert _is_one_line(status, out, err)
    assert "KERAS_HOME" in err


@pytest.mark.parametrize("arguments", [[], ["fetch"], ["info"], ["pull"]])
def test_wrong_usage_is_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["zoo", *arguments])
    captured = capsys.readouterr()
    assert (stop.value.code, captured.out) == (2, "")
    assert captured.err.count("\n") == 1
