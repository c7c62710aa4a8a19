"""Versions: labels move in two writes, and a crash breaks nothing."""

import contextlib
import datetime
import os
import subprocess
import sys

import pytest

from keras_transfer.export.versioning import models_config
from keras_transfer.export.versioning import server_state
from keras_transfer.export.versioning import version_folders
from keras_transfer.export.versioning.versions import promote
from keras_transfer.export.versioning.versions import prune
from keras_transfer.export.versioning.versions import rollback
from keras_transfer.export.versioning.versions import versions
from tests.export.versioning import served_folders
from tests.export.versioning.served_folders import write_config
from tests.export.versioning.served_folders import write_version
from tests.export.versioning.status_server import StatusServer
from tests.export.versioning.status_server import listening


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(server_state, "_SECONDS_BETWEEN", 0.01)


@pytest.fixture
def base(tmp_path):
    return _versions(tmp_path / "served" / "flowers", 3)


def _versions(base, count):
    for number in range(1, count + 1):
        write_version(base, number)
    return base


@pytest.fixture
def config(base):
    """Version 1 is stable, and nothing else is loaded."""
    path = base.parent / "models.config"
    return write_config(path, "/models/flowers", [1], {"stable": 1})


def _entry(config):
    _, (entry,) = models_config.load(config)
    return entry


# === list ===


def test_listing(base, config):
    first, second, _ = versions(base)
    assert first.number == 1
    assert first.path == base / "1"
    assert first.size == version_folders.size(base / "1")
    assert first.labels == ("stable",)
    assert first.is_served
    assert first.problem is None
    age = datetime.datetime.now(datetime.UTC) - first.created
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=1)
    assert not second.is_served
    assert second.labels == ()


def test_a_broken_version_is_listed_with_its_problem(base):
    (base / "3" / "saved_model.pb").unlink()
    assert [v.problem for v in versions(base)] == [
        None,
        None,
        "saved_model.pb is missing",
    ]


def test_an_empty_folder_has_no_versions(tmp_path):
    assert versions(tmp_path) == []


@pytest.mark.parametrize(
    "call",
    [
        versions,
        lambda base: promote(base, 1),
        rollback,
        prune,
    ],
)
def test_urls_are_refused(call):
    with pytest.raises(ValueError, match="`base`.*sync it with the cloud's"):
        call("gs://bucket/served/flowers")


# === promote and roll back, in the folder ===


def test_without_a_config_the_folder_keeps_the_labels(base):
    change = promote(base, 2)
    assert change.is_finished
    assert (change.stable, change.previous) == (2, 3)  # 3 was the newest
    assert change.next_step == ""
    change = promote(base, 1)
    assert (change.stable, change.previous, change.served) == (1, 2, (1, 2))
    change = rollback(base)
    assert (change.stable, change.previous) == (2, 1)
    change = rollback(base)
    assert (change.stable, change.previous) == (1, 2)
    assert version_folders.read_labels(base) == {"stable": 1, "previous": 2}


def test_the_first_version_has_no_previous_one(tmp_path):
    write_version(tmp_path, 1)
    change = promote(tmp_path, 1)
    assert (change.stable, change.previous) == (1, None)
    with pytest.raises(ValueError, match="label 'previous'.*Promote the one"):
        rollback(tmp_path)


# === promote and roll back, in the config ===


def test_promoting_is_two_writes_without_a_server(base, config):
    change = promote(base, 2)
    assert not change.is_finished
    assert (change.stable, change.served) == (1, (1, 2))
    assert change.next_step == (
        "When the server shows version 2 as AVAILABLE: keras-transfer "
        f"versions {base} promote 2 --finish"
    )
    entry = _entry(config)
    assert (entry.versions, entry.labels) == ((1, 2), {"stable": 1})
    assert not promote(base, 2).is_finished  # nobody has seen it yet
    change = promote(base, 2, finish=True)
    assert change.is_finished
    entry = _entry(config)
    assert entry.versions == (1, 2)
    assert entry.labels == {"stable": 2, "previous": 1}
    assert not (base / version_folders.LABELS_FILE).exists()


def test_the_next_step_names_a_given_config_and_model(base, config):
    moved = config.rename(config.with_name("other one.config"))
    assert promote(base, 2, moved, model="flowers").next_step.endswith(
        f"promote 2 --config '{moved}' --model flowers --finish"
    )


def test_the_last_previous_version_is_unloaded(base, config):
    for number in (2, 3):
        promote(base, number)
        change = promote(base, number, finish=True)
    assert change.served == (2, 3)
    assert _entry(config).versions == (2, 3)
    assert _entry(config).labels == {"stable": 3, "previous": 2}


def test_other_labels_and_versions_stay(base, config):
    write_version(base, 4)
    labels = {"canary": 1, "stable": 2, "previous": 1}
    write_config(config, base, [1, 2, 4], labels)
    promote(base, 3)
    promote(base, 3, finish=True)
    entry = _entry(config)
    assert entry.versions == (1, 2, 3, 4)
    assert entry.labels == {"stable": 3, "previous": 2, "canary": 1}


def test_the_policy_newest_becomes_a_list(base, config):
    text = config.read_text()
    old = "model_version_policy { specific { versions: 1 } }\n"
    assert old in text
    label = 'version_labels { key: "stable" value: 1 }'
    config.write_text(text.replace(old, "").replace(label, ""))
    assert [v.is_served for v in versions(base)] == [False, False, True]
    promote(base, 2)
    assert _entry(config).versions == (2, 3)
    promote(base, 2, finish=True)
    assert _entry(config).labels == {"stable": 2, "previous": 3}


def test_rolling_back_is_one_write_and_keeps_both_loaded(base, config):
    write_config(config, base, [1, 2], {"stable": 2, "previous": 1})
    change = rollback(base)
    assert change.is_finished
    assert (change.stable, change.previous) == (1, 2)
    entry = _entry(config)
    assert entry.versions == (1, 2)
    assert entry.labels == {"stable": 1, "previous": 2}
    assert rollback(base).stable == 2


def test_what_is_stable_is_not_promoted_again(base, config):
    write_config(config, base, [1, 2], {"stable": 2, "previous": 1})
    before = config.stat()
    change = promote(base, 2)
    assert change.is_finished
    assert (change.stable, change.previous) == (2, 1)
    assert config.stat() == before


@pytest.mark.parametrize(
    ("number", "complaint"),
    [(9, r"a version in .* \(1, 2, 3\)"), (2, "In .*/2 saved_model.pb is m")],
)
def test_missing_and_incomplete_versions_are_refused(
    base, config, number, complaint
):
    (base / "2" / "saved_model.pb").unlink()
    old = config.read_text()
    with pytest.raises(ValueError, match=f"`number`.*{complaint}"):
        promote(base, number)
    assert config.read_text() == old


def test_finishing_what_has_not_begun_is_refused(base, config):
    with pytest.raises(ValueError, match="`finish`.*Promote version 2 witho"):
        promote(base, 2, finish=True)


def test_a_version_that_was_deleted_by_hand_gets_no_label(base, config):
    write_config(config, base, [1, 9], {"stable": 9})
    promote(base, 2)
    promote(base, 2, finish=True)
    entry = _entry(config)
    assert entry.versions == (1, 2)
    assert entry.labels == {"stable": 2}


# === with a server ===


def test_a_server_accepts_every_write(base, config):
    write_version(base, 4)
    stand_in = StatusServer(config)
    with listening(stand_in.answer) as server:
        for number in (2, 4, 3):
            change = promote(base, number, server=server, timeout=10)
            assert change.is_finished
            assert change.stable == number
        rollback(base, server=server, timeout=10)
        stand_in.poll()
        assert stand_in.labels == {"stable": 4, "previous": 3}
        # Rolling back needs no waiting, even to what was unloaded before.
        promote(base, 2, server=server, timeout=10)
        stand_in.poll()
    assert stand_in.refused == []
    assert stand_in.labels == {"stable": 2, "previous": 4}
    assert stand_in.states[2][0] == stand_in.states[4][0] == "AVAILABLE"


def test_the_stand_in_refuses_one_write_for_both(base, config):
    stand_in = StatusServer(config)
    both = {"stable": 2, "previous": 1}
    text = config.read_text()
    config.write_text(
        models_config.with_versions(text, "flowers", [1, 2], both)
    )
    stand_in.poll()
    assert len(stand_in.refused) == 1
    assert stand_in.labels == {"stable": 1}


def test_a_version_that_cannot_be_loaded_is_taken_back(base, config):
    old = config.read_bytes()
    stand_in = StatusServer(config, {2: "Op type not registered"})
    with listening(stand_in.answer) as server:
        with pytest.raises(ValueError, match="Op type not registered"):
            promote(base, 2, server=server, timeout=10)
        assert config.read_bytes() == old
        stand_in.poll()
        assert stand_in.labels == {"stable": 1}


def test_a_slow_server_leaves_the_first_step(base, config):
    with (
        listening(lambda path: (404, {"error": "x"})) as server,
        pytest.raises(TimeoutError, match="finish later"),
    ):
        promote(base, 2, server=server, timeout=0.05)
    entry = _entry(config)
    assert (entry.versions, entry.labels) == ((1, 2), {"stable": 1})


def test_without_its_server_nothing_is_written(base, config):
    old = config.read_bytes()
    with pytest.raises(ConnectionError):
        promote(base, 2, server="127.0.0.1:9", timeout=5)
    assert config.read_bytes() == old


def test_others_may_change_the_config_while_the_server_loads(base, config):
    stand_in = StatusServer(config)

    def answer(path):
        result = stand_in.answer(path)
        if len(stand_in.calls) == 2:
            config.write_text(config.read_text() + "# theirs\n")
        return result

    with listening(answer) as server:
        assert promote(base, 2, server=server, timeout=10).is_finished
    assert config.read_text().endswith("# theirs\n")
    assert _entry(config).labels == {"stable": 2, "previous": 1}


# === prune ===


def test_pruning_keeps_the_newest(tmp_path):
    base = _versions(tmp_path / "flowers", 5)
    (base / ".pruned_0").mkdir()
    pruned = prune(base, keep=2)
    assert pruned.removed == (1, 2, 3)
    assert pruned.cleaned == (".pruned_0",)
    assert sorted(os.listdir(base)) == ["4", "5"]
    assert prune(base, keep=2).removed == ()


def test_what_is_served_or_labelled_is_not_pruned(tmp_path):
    base = _versions(tmp_path / "flowers", 7)
    config = tmp_path / "models.config"
    write_config(config, base, [2, 3], {"stable": 3})
    version_folders.write_labels(base, {"stable": 4})
    pruned = prune(base, keep=1)
    assert pruned.removed == (1, 5, 6)
    assert pruned.refused == {
        2: f"served by {config}",
        3: "labelled stable",
        4: "labelled in labels.json",
    }
    served_folders.check_servable(base, config)


def test_a_policy_of_all_versions_leaves_nothing_to_prune(base, config):
    config.write_text(
        config.read_text().replace("specific { versions: 1 }", "all {}")
    )
    assert prune(base, keep=1).removed == ()


def test_broken_versions_do_not_count_and_new_ones_are_left(tmp_path):
    base = _versions(tmp_path / "flowers", 5)
    for number in (3, 5):  # 5 is perhaps being copied
        (base / str(number) / "saved_model.pb").unlink()
    assert prune(base, keep=2).removed == (1, 3)
    assert sorted(os.listdir(base)) == ["2", "4", "5"]


def test_nothing_complete_nothing_pruned(tmp_path):
    (tmp_path / "1").mkdir()
    assert prune(tmp_path, keep=1).removed == ()


@pytest.mark.parametrize("keep", [0, -1, 1.0, True, None])
def test_keep_is_checked(tmp_path, keep):
    with pytest.raises(ValueError, match="`keep`.*positive integer"):
        prune(tmp_path, keep)


# === crashes ===


class Killed(BaseException):
    """Ends everything, as a signal does."""


class _Watch:
    """Counts the changes of files, through Python's audit events.

    Attributes:
        limit: How many are let through; `None` for all.
        is_fatal: Whether nothing at all happens after the limit, as after a
            kill; else one change fails, and the program may tidy up.
    """

    def __init__(self):
        self.limit = None
        self.is_fatal = True
        self.is_on = False
        self.count = 0
        self.seen = set()

    def __call__(self, event, arguments):
        if not self.is_on or not self._changes(event, arguments):
            return
        self.seen.add(event)
        self.count += 1
        if self.limit is None or self.count <= self.limit:
            return
        if self.is_fatal:
            raise Killed
        if self.count == self.limit + 1:
            raise OSError(28, "No space left on device")

    @staticmethod
    def _changes(event, arguments):
        if event == "open":
            flags = arguments[2] or 0
            return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        changes = {"rename", "remove", "rmdir", "mkdir", "chmod", "truncate"}
        return event.startswith("os.") and event[3:] in changes

    @contextlib.contextmanager
    def stopping_after(self, limit, is_fatal=True):
        self.limit, self.is_fatal = limit, is_fatal
        self.count, self.is_on = 0, True
        try:
            yield
        finally:
            self.is_on = False


WATCH = _Watch()
sys.addaudithook(WATCH)  # it cannot be taken off again


def _scenario(root, name):
    """A folder, its config or `None`, and what to do with it."""
    base = _versions(root / "flowers", 4)
    config = None
    if name.endswith("config"):
        config = root / "models.config"
        labels = {"stable": 3, "previous": 2}
        served = [2, 3, 4] if name.startswith("finish") else [2, 3]
        write_config(config, base, served, labels)
    else:
        version_folders.write_labels(base, {"stable": 3, "previous": 2})
    (base / ".pruned_0").mkdir()
    (base / ".pruned_0" / "assets").mkdir()
    calls = {
        "promote": lambda: promote(base, 4),
        "finish": lambda: promote(base, 4, finish=True),
        "rollback": lambda: rollback(base),
        "prune": lambda: prune(base, keep=1),
    }
    return base, config, calls[name.split()[0]]


SCENARIOS = [
    f"{verb} {place}"
    for verb in ("promote", "finish", "rollback", "prune")
    for place in ("folder", "config")
]


@pytest.mark.parametrize("is_fatal", [True, False], ids=["kill", "full disk"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_crash_at_any_change_leaves_a_servable_folder(
    tmp_path, name, is_fatal
):
    base, config, call = _scenario(tmp_path / "whole", name)
    old = served_folders.check_servable(base, config)
    with WATCH.stopping_after(None):
        call()
    num_changes = WATCH.count
    new = served_folders.check_servable(base, config)
    assert num_changes >= (4 if name.startswith("prune") else 2)
    for limit in range(num_changes):
        root = tmp_path / str(limit)
        base, config, call = _scenario(root, name)
        with (
            pytest.raises((Killed, OSError)),
            WATCH.stopping_after(limit, is_fatal),
        ):
            call()
        assert served_folders.check_servable(base, config) in (old, new)
        call()  # the same command again
        again = served_folders.check_servable(base, config)
        # A second rollback undoes one that was only interrupted tidying up.
        assert again == new or (again == old and name.startswith("rollback"))
        prune(base, keep=9)
        assert not any(base.glob(".pruned_*"))
        if not is_fatal:
            assert not any(root.rglob(".partial_*"))


def test_the_watch_sees_all_kinds_of_changes(tmp_path):
    WATCH.seen.clear()
    for name in SCENARIOS:
        _, _, call = _scenario(tmp_path / name, name)
        with WATCH.stopping_after(None):
            call()
    assert WATCH.seen >= {"open", "os.rename", "os.remove", "os.rmdir"}


#: Kills itself at each change in turn; each time in a process of its own.
KILLED = """
import os, pathlib, signal, sys
from tests.export.versioning import test_versions
root = pathlib.Path(sys.argv[1])
class Watch(test_versions._Watch):
    def __call__(self, event, arguments):
        try:
            super().__call__(event, arguments)
        except test_versions.Killed:
            os.kill(os.getpid(), signal.SIGKILL)
watch = Watch()
sys.addaudithook(watch)
killed = 0
for name in test_versions.SCENARIOS:
    for limit in range(99):
        base, config, call = test_versions._scenario(
            root / name / str(limit), name
        )
        child = os.fork()
        if not child:
            with watch.stopping_after(limit):
                call()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        test_versions.served_folders.check_servable(base, config)
        if not status:
            break
        if not os.WIFSIGNALED(status):
            sys.exit(f"{name} {limit} failed")
        killed += 1
print(killed)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_killed_process_leaves_a_servable_folder(tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 20
