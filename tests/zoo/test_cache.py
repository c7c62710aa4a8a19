"""The cache: names, records and locks."""

import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from keras_transfer.zoo import cache

URL = "https://tfhub.dev/google/yamnet/1"
SHA256 = "0123456789abcdef" * 4


def test_an_argument_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    assert cache.root(tmp_path / "mine") == tmp_path / "mine"
    assert cache.root() == tmp_path / "hub"
    for empty in (lambda: monkeypatch.setenv("TFHUB_CACHE_DIR", ""), None):
        empty() if empty else monkeypatch.delenv("TFHUB_CACHE_DIR")
        assert cache.root() == tmp_path / "xdg" / "keras_transfer" / "tfhub"


@pytest.mark.parametrize("xdg", [None, "", "relative"])
def test_the_default_lasts(tmp_path, monkeypatch, xdg):
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if xdg is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.root() == tmp_path / ".cache" / "keras_transfer" / "tfhub"
    assert cache.root("~/here") == tmp_path / "here"
    assert not list(tmp_path.iterdir())


def test_a_remote_cache_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="argument `cache`.*local"):
        cache.root("gs://bucket/cache")
    monkeypatch.setenv("TFHUB_CACHE_DIR", "gs://bucket/cache")
    with pytest.raises(ValueError, match="`TFHUB_CACHE_DIR`.*local"):
        cache.root()


def test_entries_are_named_by_the_sha1_of_the_handle(tmp_path):
    name = hashlib.sha1(URL.encode()).hexdigest()
    assert cache.folder_for(URL, tmp_path) == tmp_path / name
    assert cache.folder_for(f"{URL}/", tmp_path) != tmp_path / name


def test_a_record_reads_back(tmp_path):
    folder = tmp_path / "abc"
    assert cache.recorded_sha256(folder) is None
    cache.write_record(folder, URL, SHA256)
    assert cache.recorded_sha256(folder) == SHA256
    path = tmp_path / "abc.descriptor.txt"
    assert list(tmp_path.iterdir()) == [path]
    lines = path.read_text().splitlines()
    assert lines[0] == f"Module: {URL}"
    assert [line.split(":")[0] for line in lines] == [
        "Module",
        "Download Time",
        "Downloader Hostname",
        "SHA256",
    ]
    cache.forget(folder)
    assert not path.exists()
    cache.forget(folder)


def test_a_record_of_tensorflow_hub_has_no_checksum(tmp_path):
    path = tmp_path / "abc.descriptor.txt"
    path.write_text(f"Module: {URL}\nDownload Time: now\nSHA256: short")
    assert cache.recorded_sha256(tmp_path / "abc") is None


def test_no_handle_writes_a_checksum_of_its_own(tmp_path):
    name = f"/models/a\nSHA256: {SHA256}\n/b.tar"
    cache.write_record(tmp_path / "abc", name, "f" * 64)
    assert cache.recorded_sha256(tmp_path / "abc") == "f" * 64


def test_a_lock_keeps_others_out_until_it_is_released(tmp_path, capsys):
    folder = tmp_path / "new" / "abc"
    order = []

    def other():
        with cache.lock(folder, verbose=1):
            order.append("other")

    with cache.lock(folder):
        # Such a file would stop tensorflow_hub for ten minutes.
        assert not pathlib.Path(f"{folder}.lock").exists()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        order.append("first")
    thread.join(5)
    assert order == ["first", "other"]
    assert "Waiting for another process" in capsys.readouterr().err


def test_a_lock_is_not_shared_between_entries(tmp_path):
    with cache.lock(tmp_path / "a"), cache.lock(tmp_path / "b"):
        pass


HOLDER = """
import sys, time, filelock
held = filelock.FileLock(sys.argv[1])
held.acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_the_lock_of_a_killed_process_is_free(tmp_path):
    path = f"{tmp_path / 'abc'}.pull.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        taken = threading.Event()

        def take():
            with cache.lock(tmp_path / "abc"):
                taken.set()

        thread = threading.Thread(target=take)
        thread.start()
        assert not taken.wait(0.2)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert taken.wait(5)
        thread.join()
