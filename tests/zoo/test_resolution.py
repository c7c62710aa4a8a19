"""From handles to folders: downloads, caches, checksums, offline, Kaggle."""

import hashlib
import os
import pathlib
import shutil
import sys
import warnings

import filelock
import pytest
import tensorflow as tf

from keras_transfer.zoo import archive
from keras_transfer.zoo import cache as downloads
from keras_transfer.zoo import resolution
from tests.zoo import archives
from tests.zoo import processes
from tests.zoo import server
from tests.zoo.server import Answer

PACKED = archives.pack()
SHA256 = hashlib.sha256(PACKED).hexdigest()
PIN = f"#sha256={SHA256}"
WRONG = f"#sha256={'0' * 64}"
COMPRESSED = "?tf-hub-format=compressed"
KAGGLE = "google/yamnet/tensorFlow2/yamnet"


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """kagglehub keeps its downloads below it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def web():
    with server.running() as running:
        yield running


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def tensorflow_hub():
    with warnings.catch_warnings():
        # It imports pkg_resources, which warns.
        warnings.simplefilter("ignore")
        import tensorflow_hub
    return tensorflow_hub


def _resolve(handle, **options):
    return resolution.resolve(handle, verbose=0, **options)


def _is_model(folder):
    return archives.contents_of(folder) == archives.MODEL


# === Downloads


def test_a_handle_is_downloaded_once(web, cache):
    url = web.serve("/google/yamnet/1", PACKED)
    folder = _resolve(url)
    assert folder == cache / hashlib.sha1(url.encode()).hexdigest()
    assert _is_model(folder)
    assert downloads.recorded_sha256(folder) == SHA256
    assert _resolve(url) == folder
    assert web.paths() == [f"/google/yamnet/1{COMPRESSED}"]
    left = {path.name.removeprefix(folder.name) for path in cache.iterdir()}
    assert left == {"", ".descriptor.txt", ".pull.lock"}


def test_a_real_model_loads(web, tmp_path):
    module = tf.Module()
    module.weight = tf.Variable(3.0)
    module.double = tf.function(
        lambda x: module.weight * x,
        input_signature=[tf.TensorSpec(None, tf.float32)],
    )
    tf.saved_model.save(module, tmp_path / "saved")
    shutil.make_archive(tmp_path / "packed", "gztar", tmp_path / "saved")
    packed = (tmp_path / "packed.tar.gz").read_bytes()
    web.serve("/file", packed)
    url = web.serve("/model", server.redirect("/file"))
    loaded = tf.saved_model.load(str(_resolve(url)))
    assert float(loaded.double(2.0)) == 6.0


def test_archives_are_asked_for_as_they_are(web):
    url = web.serve("/model.tar.gz", PACKED) + "?signature=a%2Bb"
    assert _is_model(_resolve(url))
    assert web.paths() == ["/model.tar.gz?signature=a%2Bb"]


def test_an_argument_is_the_cache(web, cache, tmp_path):
    url = web.serve("/m", PACKED)
    folder = _resolve(url, cache=tmp_path / "mine")
    assert folder.parent == tmp_path / "mine" and not cache.exists()
    assert _resolve(url, cache=str(tmp_path / "mine")) == folder


def test_a_broken_link_is_mended(web):
    broken = Answer(PACKED, break_after=len(PACKED) // 2)
    url = web.serve("/m", broken, PACKED)
    assert _is_model(_resolve(url))


def test_an_unknown_handle_leaves_nothing(web, cache):
    with pytest.raises(FileNotFoundError, match="does not know http.*/m "):
        _resolve(f"{web.url}/m")
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "contents",
    [b"<html>", PACKED[:-50], archives.pack(archives.files({}))],
    ids=["a page", "cut short", "no model"],
)
def test_a_bad_archive_is_named_and_not_kept(web, cache, contents):
    url = web.serve("/m", contents, PACKED)
    with pytest.raises(ValueError, match=url):
        _resolve(url)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]
    assert _is_model(_resolve(url))


def test_an_archive_that_escapes_writes_nothing(web, tmp_path):
    odd = archives.member("../../outside", b"x")
    url = web.serve("/m", archives.pack([*archives.files(), odd]))
    with pytest.raises(ValueError, match="leads out"):
        _resolve(url)
    assert not list(tmp_path.rglob("outside"))
    assert not list(tmp_path.rglob("saved_model.pb"))


def test_what_a_killed_process_left_is_removed(web, cache):
    url = web.serve("/m", PACKED)
    entry = downloads.folder_for(url)
    leftover = cache / f"{entry.name}.unpack_1" / "new"
    leftover.mkdir(parents=True)
    entry.mkdir()
    assert _is_model(_resolve(url))
    assert not leftover.parent.exists()


def test_a_cache_that_is_read_only_serves_what_it_has(web, cache, monkeypatch):
    url = web.serve("/m", PACKED)
    folder = _resolve(url)

    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(downloads, "lock", refuse)
    assert _resolve(url) == folder
    with pytest.raises(PermissionError):
        _resolve(f"{url}/other")


def test_a_gs_archive_is_copied_and_unpacked(no_network):
    with tf.io.gfile.GFile("ram://bucket/model.tgz", "wb") as file:
        file.write(PACKED)
    folder = _resolve(f"ram://bucket/model.tgz{PIN}")
    assert folder == downloads.folder_for("ram://bucket/model.tgz")
    assert _is_model(folder)
    tf.io.gfile.remove("ram://bucket/model.tgz")
    assert _resolve("ram://bucket/model.tgz", offline=True) == folder


# === Mirrors


@pytest.mark.parametrize("by_variable", [True, False])
def test_a_mirror_is_asked_and_the_cache_goes_by_the_handle(
    web, monkeypatch, by_variable
):
    handle = "https://tfhub.dev/google/yamnet/1"
    web.serve("/hub/google/yamnet/1", PACKED)
    options = {"mirror": f"{web.url}/hub/"}
    if by_variable:
        monkeypatch.setenv("KERAS_TRANSFER_MIRROR", options.pop("mirror"))
    folder = _resolve(handle, **options)
    assert folder == downloads.folder_for(handle) and _is_model(folder)
    assert web.paths() == [f"/hub/google/yamnet/1{COMPRESSED}"]
    monkeypatch.delenv("KERAS_TRANSFER_MIRROR", raising=False)
    assert _resolve(handle, offline=True) == folder


def test_the_argument_wins_over_the_variable(web, monkeypatch):
    monkeypatch.setenv("KERAS_TRANSFER_MIRROR", "nowhere")
    web.serve("/m", PACKED)
    _resolve("https://tfhub.dev/m", mirror=web.url)
    with pytest.raises(ValueError, match="argument `mirror`"):
        _resolve("https://tfhub.dev/n")


# === Checksums


def test_a_right_checksum_is_taken(web):
    url = web.serve("/m", PACKED)
    folder = _resolve(url + PIN)
    assert folder == downloads.folder_for(url) and _is_model(folder)
    assert _resolve(url) == _resolve(url + PIN.upper().lower()) == folder
    assert len(web.requests) == 1


def test_a_wrong_checksum_is_seen_before_anything_is_unpacked(
    web, cache, monkeypatch
):
    def unpack(*_):
        raise AssertionError("it was unpacked")

    url = web.serve("/m", PACKED)
    monkeypatch.setattr(archive, "unpack", unpack)
    with pytest.raises(ValueError, match="checksum.*deleted") as caught:
        _resolve(url + WRONG)
    assert "0" * 64 in str(caught.value) and SHA256 in str(caught.value)
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def test_a_checksum_is_compared_with_the_record(web, no_network_after):
    url = web.serve("/m", PACKED)
    folder = _resolve(url)
    no_network_after()
    assert _resolve(url + PIN) == folder
    for offline in (True, False):
        with pytest.raises(ValueError, match="To download it anew delete"):
            _resolve(url + WRONG, offline=offline)
    assert _is_model(folder)


@pytest.fixture
def no_network_after(request):
    """As `no_network`, from the moment it is called."""
    return lambda: request.getfixturevalue("no_network")


def test_what_has_no_record_is_downloaded_again_for_a_checksum(web):
    url = web.serve("/m", PACKED)
    folder = downloads.folder_for(url)
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"of unknown origin")
    assert _resolve(url) == folder and not web.requests
    with pytest.raises(FileNotFoundError, match="No checksum was recorded"):
        _resolve(url + PIN, offline=True)
    with pytest.raises(ValueError, match="deleted"):
        _resolve(url + WRONG)
    assert not _is_model(folder)
    assert _resolve(url + PIN) == folder and _is_model(folder)
    assert _resolve(url + PIN, offline=True) == folder


def test_an_old_record_does_not_vouch_for_new_contents(web, monkeypatch):
    url = web.serve("/m", PACKED)
    folder = _resolve(url)
    shutil.rmtree(folder)
    web.serve("/m", archives.pack(archives.files({"saved_model.pb": b"new"})))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(downloads, "write_record", killed)
        with pytest.raises(KeyboardInterrupt):
            _resolve(url)
    assert archives.contents_of(folder) == {"saved_model.pb": b"new"}
    with pytest.raises(FileNotFoundError, match="No checksum"):
        _resolve(url + PIN, offline=True)


@pytest.mark.parametrize("kind", ["folder", "remote", "kaggle", "direct"])
def test_a_checksum_without_an_archive_is_refused(tmp_path, monkeypatch, kind):
    if kind == "direct":
        monkeypatch.setenv("TFHUB_MODEL_LOAD_FORMAT", "UNCOMPRESSED")
    handles = {
        "folder": str(tmp_path),
        "remote": "gs://bucket/folder",
        "kaggle": KAGGLE,
        "direct": "https://tfhub.dev/m",
    }
    with pytest.raises(ValueError, match="that of an archive"):
        _resolve(handles[kind] + PIN)


# === Local and remote folders, local archives


def test_folders_come_back_as_they_are(tmp_path, cache, no_network):
    assert _resolve(tmp_path) == tmp_path
    assert _resolve(str(tmp_path), offline=True) == tmp_path
    assert _resolve("gs://bucket/folder/1") == "gs://bucket/folder/1"
    assert not cache.exists()


@pytest.mark.parametrize("name", ["model.tar", "model.tar.gz", "model.tgz"])
def test_a_local_archive_is_unpacked_by_its_contents(
    tmp_path, cache, no_network, name
):
    path = tmp_path / name
    mode = "w" if name.endswith(".tar") else "w:gz"
    path.write_bytes(archives.pack(mode=mode))
    folder = _resolve(path, offline=True)
    assert folder.parent == cache and _is_model(folder)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert downloads.recorded_sha256(folder) == sha256
    assert _resolve(f"{path}#sha256={sha256}") == folder
    copy = shutil.copy(path, tmp_path / f"copy_{name}")
    assert _resolve(copy) == folder
    path.write_bytes(archives.pack(archives.files({"saved_model.pb": b"new"})))
    changed = _resolve(path)
    assert changed != folder and _is_model(folder)
    assert archives.contents_of(changed) == {"saved_model.pb": b"new"}


def test_a_local_archive_with_another_checksum_is_kept(tmp_path, cache):
    path = tmp_path / "model.tgz"
    path.write_bytes(PACKED)
    with pytest.raises(ValueError, match="was not unpacked") as caught:
        _resolve(f"{path}{WRONG}")
    assert SHA256 in str(caught.value)
    assert path.read_bytes() == PACKED and not cache.exists()


# === Offline


@pytest.mark.parametrize("by_variable", [True, False])
@pytest.mark.parametrize(
    ("handle", "looked"),
    [
        ("https://tfhub.dev/google/yamnet/1", "cache/9616fd04"),
        (f"https://tfhub.dev/google/yamnet/1{PIN}", "cache/9616fd04"),
        ("gs://bucket/model.tgz", "cache/"),
        ("gs://bucket/folder", "remote folder"),
        (KAGGLE, f"kagglehub/models/{KAGGLE}"),
        (f"{KAGGLE}/1", f"kagglehub/models/{KAGGLE}"),
    ],
)
def test_offline_says_what_is_missing_and_how_to_get_it(
    monkeypatch, no_network, by_variable, handle, looked
):
    options = {"offline": True}
    if by_variable:
        monkeypatch.setenv("KERAS_TRANSFER_OFFLINE", "1")
        options = {"offline": None}
    with pytest.raises(FileNotFoundError) as caught:
        _resolve(handle, **options)
    message = str(caught.value)
    assert message.startswith(handle.split("#")[0]) and looked in message
    quoted = f"'{handle}'" if "#" in handle else handle
    assert message.endswith(f"keras-transfer zoo pull {quoted}")


def test_offline_names_the_cache_that_was_given(tmp_path, no_network):
    with pytest.raises(FileNotFoundError) as caught:
        _resolve("https://host/m", offline=True, cache=tmp_path / "my cache")
    assert str(tmp_path / "my cache" / "") in str(caught.value)
    assert f"--cache '{tmp_path / 'my cache'}'" in str(caught.value)


def test_offline_serves_what_is_in_the_cache(
    web, no_network_after, monkeypatch
):
    url = web.serve("/m", PACKED)
    folder = _resolve(url)
    no_network_after()
    monkeypatch.setenv("TFHUB_MODEL_LOAD_FORMAT", "UNCOMPRESSED")
    assert _resolve(url, offline=True) == folder
    assert _resolve(url + PIN, offline=True) == folder


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_the_network_is_allowed_by_default(monkeypatch, value):
    assert not resolution.is_offline()
    monkeypatch.setenv("KERAS_TRANSFER_OFFLINE", value)
    assert not resolution.is_offline()
    assert resolution.is_offline(True) is True


def test_an_argument_wins_over_the_variable(web, monkeypatch):
    monkeypatch.setenv("KERAS_TRANSFER_OFFLINE", "true")
    assert resolution.is_offline() and not resolution.is_offline(False)
    assert _is_model(_resolve(web.serve("/m", PACKED), offline=False))


# === tensorflow_hub


@pytest.mark.parametrize("prefix", ["", "owner-model-1a2b3c/"])
def test_tensorflow_hub_finds_what_we_downloaded(web, tensorflow_hub, prefix):
    packed = archives.pack(archives.files(prefix=prefix))
    url = web.serve("/m", packed)
    folder = _resolve(url)
    assert tensorflow_hub.resolve(url) == str(folder)
    assert len(web.requests) == 1


@pytest.mark.parametrize("prefix", ["", "owner-model-1a2b3c/"])
def test_we_find_what_tensorflow_hub_downloaded(web, tensorflow_hub, prefix):
    url = web.serve("/m", archives.pack(archives.files(prefix=prefix)))
    folder = pathlib.Path(tensorflow_hub.resolve(url))
    assert _resolve(url) == folder / prefix and _is_model(folder / prefix)
    assert len(web.requests) == 1
    assert downloads.recorded_sha256(folder) is None


def test_a_record_does_not_outlive_a_download_of_tensorflow_hub(
    web, tensorflow_hub
):
    url = web.serve("/m", PACKED)
    shutil.rmtree(_resolve(url))
    folder = pathlib.Path(tensorflow_hub.resolve(url))
    assert _is_model(folder) and downloads.recorded_sha256(folder) is None


@pytest.mark.parametrize("mirror", [None, "http://mirror/hub"])
def test_uncompressed_models_are_left_to_tensorflow_hub(
    monkeypatch, tensorflow_hub, mirror
):
    monkeypatch.setenv("TFHUB_MODEL_LOAD_FORMAT", "UNCOMPRESSED")
    monkeypatch.setattr(tensorflow_hub, "resolve", lambda url: f"gs of {url}")
    found = _resolve("https://tfhub.dev/m", mirror=mirror)
    assert found == f"gs of {mirror or 'https://tfhub.dev'}/m"


# === Several processes


RESOLVE = """
from keras_transfer.zoo import resolution
print("ready", flush=True)
sys.stdin.readline()
print(resolution.resolve(sys.argv[2], verbose=0), flush=True)
"""


def _go(process):
    process.stdin.write("go\n")
    process.stdin.flush()


def test_of_two_processes_at_once_one_downloads(web):
    url = web.serve("/m", Answer(PACKED, pause=0.5))
    one, other = (processes.start(RESOLVE, url) for _ in range(2))
    with one, other:
        for process in (one, other):
            assert process.stdout.readline() == "ready\n"
        for process in (one, other):
            _go(process)
        found = {process.stdout.read().strip() for process in (one, other)}
    assert (one.returncode, other.returncode) == (0, 0)
    folder = downloads.folder_for(url)
    assert found == {str(folder)} and _is_model(folder)
    assert len(web.requests) == 1


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_after_a_killed_process_the_rest_is_downloaded(web):
    body = archives.pack(
        [*archives.files(), archives.member("noise", os.urandom(400_000))]
    )
    tagged = {"ETag": '"v1"'}
    slow = Answer(body, headers=tagged, pause=0.02)
    url = web.serve("/m", slow, Answer(body, headers=tagged))
    entry = downloads.folder_for(url)
    partial = entry.with_name(f"{entry.name}.download.partial")
    process = processes.start(RESOLVE, url)
    _go(process)
    size = processes.kill_when_begun(process, partial)
    assert size < len(body) and not entry.exists()
    sha256 = hashlib.sha256(body).hexdigest()
    assert _resolve(f"{url}#sha256={sha256}") == entry
    assert web.ranges() == [None, f"bytes={size}-"]
    assert not partial.exists() and (entry / "saved_model.pb").exists()


# === Kaggle


@pytest.fixture
def kaggle(monkeypatch, tmp_path):
    """A stand-in that "downloads" version 3, and what it was asked."""
    kagglehub = pytest.importorskip("kagglehub")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    asked = []

    def model_download(handle):
        root = os.environ["KAGGLEHUB_CACHE"]
        asked.append((handle, root))
        parts = handle.split("/")
        version = parts[4] if len(parts) > 4 else "3"
        return str(_kaggle_version("/".join(parts[:4]), version, root))

    monkeypatch.setattr(kagglehub, "model_download", model_download)
    return asked


def _kaggle_version(variation, version, root, complete=True):
    """A version as kagglehub itself lays it out and marks it."""
    from kagglehub import cache as kaggle_cache
    from kagglehub import handle as kaggle_handle

    handle = kaggle_handle.parse_model_handle(f"{variation}/{version}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAGGLEHUB_CACHE", str(root))
        folder = pathlib.Path(kaggle_cache.get_cached_path(handle))
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").touch()
        if complete:
            kaggle_cache.Cache().mark_as_complete(handle)
    return folder


def test_a_kaggle_handle_is_left_to_kagglehub(kaggle, tmp_path, no_network):
    root = tmp_path / "kaggle"
    folder = root / "models" / KAGGLE
    assert _resolve(KAGGLE) == folder / "3"
    assert kaggle == [(KAGGLE, str(root))]
    # What is the newest version, kagglehub must say anew.
    shutil.rmtree(folder)
    assert _resolve(KAGGLE) == folder / "3" and len(kaggle) == 2


def test_a_version_is_downloaded_once(kaggle, monkeypatch):
    folder = _resolve(f"{KAGGLE}/2")
    assert folder.name == "2" and kaggle[0][0] == f"{KAGGLE}/2"
    # Then kagglehub is not even needed.
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    assert _resolve(f"{KAGGLE}/2") == folder and len(kaggle) == 1


def test_kagglehub_works_for_one_process_at_a_time(kaggle, monkeypatch):
    import kagglehub

    download_of = kagglehub.model_download

    def model_download(handle):
        variation = pathlib.Path(
            os.environ["KAGGLEHUB_CACHE"], "models", KAGGLE
        )
        with pytest.raises(filelock.Timeout):
            filelock.FileLock(f"{variation}.pull.lock").acquire(timeout=0)
        return download_of(handle)

    monkeypatch.setattr(kagglehub, "model_download", model_download)
    assert _resolve(KAGGLE).name == "3" and len(kaggle) == 1


def test_an_argument_is_the_cache_of_kagglehub(kaggle, tmp_path, no_network):
    mine = tmp_path / "mine"
    folder = _resolve(KAGGLE, cache=mine)
    assert kaggle == [(KAGGLE, str(mine))]
    assert os.environ["KAGGLEHUB_CACHE"] == str(tmp_path / "kaggle")
    assert _resolve(KAGGLE, cache=mine, offline=True) == folder
    with pytest.raises(FileNotFoundError):
        _resolve(KAGGLE, offline=True)


def test_the_default_cache_is_that_of_kagglehub(
    kaggle, tmp_path, monkeypatch, no_network
):
    from kagglehub import config

    monkeypatch.delenv("KAGGLEHUB_CACHE")
    default = tmp_path / "home" / ".cache" / "kagglehub"
    # It was computed at import, from another home.
    assert (
        pathlib.Path(config.DEFAULT_CACHE_FOLDER).parts[-2:]
        == (default.parts[-2:])
    )
    folder = _kaggle_version(KAGGLE, 1, default)
    assert _resolve(KAGGLE, offline=True) == folder and not kaggle


def test_offline_the_newest_complete_version_is_taken(
    kaggle, tmp_path, no_network
):
    root = tmp_path / "kaggle"
    ten = _kaggle_version(KAGGLE, 10, root)
    nine = _kaggle_version(KAGGLE, 9, root)
    _kaggle_version(KAGGLE, 11, root, complete=False)
    shutil.rmtree(_kaggle_version(KAGGLE, 12, root))
    _kaggle_version(f"{KAGGLE}-other", 13, root)
    assert _resolve(KAGGLE, offline=True) == ten
    assert _resolve(f"{KAGGLE}/9", offline=True) == nine
    for missing in (1, 11, 12):
        with pytest.raises(FileNotFoundError, match=f"{KAGGLE}/{missing}"):
            _resolve(f"{KAGGLE}/{missing}", offline=True)
    assert not kaggle


def test_kagglehub_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(ImportError, match="no local folder") as caught:
        _resolve(KAGGLE)
    assert "pip install keras-transfer[kaggle]" in str(caught.value)


def test_troubles_of_kagglehub_name_the_handle(kaggle, monkeypatch):
    import kagglehub

    def fail(_):
        raise kagglehub.exceptions.UnauthenticatedError("log in")

    monkeypatch.setattr(kagglehub, "model_download", fail)
    with pytest.raises(ConnectionError, match=f"{KAGGLE} is no local.*log in"):
        _resolve(KAGGLE)


def test_a_kaggle_model_of_another_framework_is_named(kaggle, tmp_path):
    folder = _kaggle_version("g/gemma/keras/2b", 1, tmp_path / "kaggle")
    (folder / "saved_model.pb").rename(folder / "config.json")
    with pytest.raises(ValueError, match="config.json.*TensorFlow2 variation"):
        _resolve("g/gemma/keras/2b/1")
