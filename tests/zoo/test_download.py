"""Downloads over links and servers of every sort."""

import gzip
import hashlib
import os
import types

import pytest
import requests

from keras_transfer.zoo import download
from tests.zoo import processes
from tests.zoo import server
from tests.zoo.server import Answer

BODY = bytes(range(251)) * 2000
SHA256 = hashlib.sha256(BODY).hexdigest()
TAGGED = {"ETag": '"v1"'}


@pytest.fixture
def web():
    with server.running() as running:
        yield running


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Waits between tries are noted and not waited."""
    waits = []
    clock = types.SimpleNamespace(sleep=waits.append)
    monkeypatch.setattr(download, "time", clock)
    return waits


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.tar.gz"


def _whole(path, contents=BODY):
    """The file is there and nothing else."""
    return path.read_bytes() == contents and list(path.parent.iterdir()) == [
        path
    ]


# === A server that behaves


def test_a_file_comes_as_it_is(web, path):
    url = web.serve("/a", BODY)
    assert download.fetch(url, path, verbose=0) == SHA256
    assert _whole(path)
    (_, headers), *more = web.requests
    assert not more and "Range" not in headers
    assert headers["Accept-Encoding"] == "identity"
    assert headers["User-Agent"].startswith("keras-transfer/")


def test_what_stood_there_is_replaced(web, path):
    path.write_bytes(b"old")
    download.fetch(web.serve("/a", BODY), path, verbose=0)
    assert _whole(path)


@pytest.mark.parametrize("tells_length", [True, False])
def test_bytes_are_kept_whatever_their_encoding(web, path, tells_length):
    packed = gzip.compress(BODY)
    answer = Answer(
        packed, headers={"Content-Encoding": "gzip"}, tells_length=tells_length
    )
    sha256 = download.fetch(web.serve("/a", answer), path, verbose=0)
    assert _whole(path, packed)
    assert sha256 == hashlib.sha256(packed).hexdigest()


def test_redirects_are_followed(web, path):
    for number, status in enumerate((301, 302, 303, 307)):
        web.serve(f"/{number}", server.redirect(f"/{number + 1}", status))
    web.serve("/4", server.redirect(f"{web.url}/file?token=a%2Bb", 308))
    web.serve("/file", BODY)
    assert download.fetch(f"{web.url}/0?x=1", path, verbose=0) == SHA256
    assert _whole(path)
    assert web.paths() == [
        "/0?x=1",
        "/1",
        "/2",
        "/3",
        "/4",
        "/file?token=a%2Bb",
    ]


def test_an_empty_file_is_a_file(web, path):
    download.fetch(web.serve("/a", Answer(b"", headers=TAGGED)), path, 0)
    assert _whole(path, b"")


def test_progress_is_shown_unless_told_not_to(web, path, capfd):
    url = web.serve("/a", BODY)
    download.fetch(url, path, verbose=0)
    assert capfd.readouterr() == ("", "")
    download.fetch(f"{url}?token=secret", path, verbose=1)
    out, shown = capfd.readouterr()
    assert out == "" and f"Downloading {url}" in shown and "490k/490k" in shown
    assert "secret" not in shown
    download.fetch(url, path, verbose=1, name="yamnet")
    assert "Downloading yamnet" in capfd.readouterr().err


# === Broken links


def test_a_broken_download_continues_where_it_stood(web, path, hurry):
    broken = Answer(BODY, headers=TAGGED, break_after=200_000)
    url = web.serve("/a", broken, Answer(BODY, headers=TAGGED))
    assert download.fetch(url, path, verbose=0) == SHA256
    assert _whole(path)
    # The last piece that came may be lost with the connection.
    first, second = web.ranges()
    start = int(second.removeprefix("bytes=").removesuffix("-"))
    assert first is None and 100_000 < start <= 200_000
    assert web.requests[1][1]["If-Range"] == '"v1"'
    assert hurry == [1.0]


def test_last_modified_serves_where_the_tag_is_weak(web, path):
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    headers = {"ETag": 'W/"v1"', "Last-Modified": date}
    broken = Answer(BODY, headers=headers, break_after=200_000)
    url = web.serve("/a", broken, Answer(BODY, headers=headers))
    assert download.fetch(url, path, verbose=0) == SHA256
    assert web.ranges()[1] is not None and _whole(path)
    assert web.requests[1][1]["If-Range"] == date


def test_a_link_that_always_breaks_gets_there_with_patience(web, path, hurry):
    answer = Answer(BODY, headers=TAGGED, break_after=70_000)
    assert download.fetch(web.serve("/a", answer), path, 0) == SHA256
    assert _whole(path)
    # More than the tries: each of them brought something.
    assert len(web.requests) > download.ATTEMPTS
    assert set(hurry) == {1.0}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(BODY, break_after=200_000),
        Answer(BODY, headers=TAGGED, ranges=False, break_after=200_000),
        Answer(BODY, headers=TAGGED, break_after=0),
    ],
)
def test_it_is_given_up_when_nothing_new_comes(web, path, hurry, answer):
    url = web.serve("/a", answer)
    with pytest.raises(ConnectionError, match="in 4 tries") as caught:
        download.fetch(f"{url}?token=secret", path, verbose=0)
    assert len(web.requests) == 4 and hurry == [1.0, 2.0, 4.0]
    assert url in str(caught.value) and "secret" not in str(caught.value)
    assert not path.exists()


def test_it_begins_anew_without_a_version(web, path):
    url = web.serve("/a", Answer(BODY, break_after=200_000), BODY)
    assert download.fetch(url, path, verbose=0) == SHA256
    assert web.ranges() == [None, None] and _whole(path)


def test_it_begins_anew_where_ranges_are_ignored(web, path):
    deaf = {"headers": TAGGED, "ranges": False}
    url = web.serve(
        "/a", Answer(BODY, break_after=200_000, **deaf), Answer(BODY, **deaf)
    )
    assert download.fetch(url, path, verbose=0) == SHA256
    assert web.ranges()[1] is not None and _whole(path)


@pytest.mark.parametrize("size", [100_000, len(BODY), 700_000])
def test_a_file_that_has_changed_is_not_glued_to_the_old(web, path, size):
    new = b"n" * size
    url = web.serve(
        "/a",
        Answer(BODY, headers=TAGGED, break_after=200_000),
        Answer(new, headers={"ETag": '"v2"'}),
    )
    download.fetch(url, path, verbose=0)
    assert _whole(path, new)


@pytest.mark.parametrize(
    ("size", "headers"),
    [
        (len(BODY), {"ETag": '"v2"'}),
        (len(BODY) + 1, {}),
        (len(BODY) - 1, {}),
    ],
)
def test_a_server_that_ignores_if_range_is_noticed(web, path, size, headers):
    new = b"n" * size
    url = web.serve(
        "/a",
        Answer(BODY, headers=TAGGED, break_after=200_000),
        Answer(new, headers=headers, if_range=False),
    )
    download.fetch(url, path, verbose=0)
    assert _whole(path, new)
    assert len(web.requests) == 3 and web.ranges()[2] is None


def test_a_rest_that_ends_early_without_a_word_is_noticed(web, path):
    url = web.serve(
        "/a",
        Answer(BODY, headers=TAGGED, break_after=200_000),
        Answer(BODY, headers=TAGGED, break_after=99_000, tells_length=False),
        Answer(BODY, headers=TAGGED),
    )
    assert download.fetch(url, path, verbose=0) == SHA256
    assert len(web.requests) == 3 and _whole(path)


def test_a_range_that_is_refused_begins_anew(web, path):
    broken = Answer(BODY, headers=TAGGED, break_after=200_000)
    url = web.serve("/a", broken, Answer(b"short", headers=TAGGED))
    download.fetch(url, path, verbose=0)
    assert _whole(path, b"short")
    assert web.ranges()[2] is None


def test_a_link_without_a_byte_is_given_up(web, path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUTS", (5.0, 0.1))
    url = web.serve("/a", Answer(BODY, pause=0.3), BODY)
    assert download.fetch(url, path, verbose=0) == SHA256
    assert len(web.requests) == 2 and _whole(path)


def test_a_slow_link_is_waited_for(web, path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUTS", (5.0, 0.2))
    url = web.serve("/a", Answer(BODY[:40_000], pause=0.05))
    download.fetch(url, path, verbose=0)
    assert len(web.requests) == 1 and _whole(path, BODY[:40_000])


def test_nobody_at_home(path, hurry):
    with server.running() as gone:
        url = f"{gone.url}/a"
    with pytest.raises(ConnectionError, match="refused") as caught:
        download.fetch(url, path, verbose=0)
    assert "object at" not in str(caught.value) and len(hurry) == 3


def test_a_certificate_that_does_not_fit_is_final(path, monkeypatch, hurry):
    def get(*_, **__):
        raise requests.exceptions.SSLError("certificate verify failed")

    monkeypatch.setattr(requests.Session, "get", get)
    with pytest.raises(ConnectionError, match="REQUESTS_CA_BUNDLE"):
        download.fetch("https://host/a", path, verbose=0)
    assert not hurry


def test_too_many_redirects_are_final(web, path, hurry):
    url = web.serve("/a", server.redirect("/a"))
    with pytest.raises(ConnectionError, match="30 redirects"):
        download.fetch(url, path, verbose=0)
    assert not hurry


# === Statuses


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_troubles_are_waited_out(web, path, hurry, status):
    trouble = Answer(b"later", status=status)
    url = web.serve("/a", trouble, trouble, BODY)
    assert download.fetch(url, path, verbose=0) == SHA256
    assert hurry == [1.0, 2.0] and _whole(path)


def test_lasting_troubles_are_named(web, path, hurry):
    url = web.serve("/a", Answer(b"later", status=503))
    with pytest.raises(ConnectionError, match="127.0.0.1 answered 503 Service"):
        download.fetch(url, path, verbose=0)
    assert len(hurry) == 3


@pytest.mark.parametrize(
    ("asked", "wait"), [("7", 7.0), ("9999", 60.0), ("0", 1.0), ("soon", 1.0)]
)
def test_a_server_may_ask_for_a_wait(web, path, hurry, asked, wait):
    busy = Answer(status=429, headers={"Retry-After": asked})
    download.fetch(web.serve("/a", busy, BODY), path, verbose=0)
    assert hurry == [wait]


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (404, FileNotFoundError, "127.0.0.1 does not know HANDLE"),
        (410, FileNotFoundError, "does not know HANDLE"),
        (401, PermissionError, "may need an account"),
        (403, PermissionError, "licence"),
        (400, ConnectionError, "answered 400"),
        (416, ConnectionError, "answered 416"),
        (204, ConnectionError, "answered 204"),
    ],
)
def test_other_statuses_are_final(web, path, hurry, status, kind, says):
    url = web.serve("/a", Answer(b"", status=status))
    with pytest.raises(kind, match=says) as caught:
        download.fetch(url, path, verbose=0, name="HANDLE")
    assert type(caught.value) is kind and f"{status}" in str(caught.value)
    assert len(web.requests) == 1 and not hurry
    assert not list(path.parent.iterdir())


# === Another process


FETCH = """
from keras_transfer.zoo import download
download.fetch(sys.argv[2], sys.argv[3], verbose=0)
"""


def _killed(url, path):
    """How much of the file came in a process that was killed then."""
    partial = path.with_name(f"{path.name}.partial")
    process = processes.start(FETCH, url, path)
    size = processes.kill_when_begun(process, partial)
    assert size < len(BODY) and not path.exists()
    return size


SLOW = Answer(BODY, headers=TAGGED, pause=0.01)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_killed_download_continues_in_another_process(web, path):
    url = web.serve("/a", SLOW, Answer(BODY, headers=TAGGED))
    size = _killed(url, path)
    assert download.fetch(url, path, verbose=0) == SHA256
    assert web.ranges() == [None, f"bytes={size}-"]
    assert _whole(path)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_what_another_url_began_is_not_continued(web, path):
    _killed(web.serve("/a", SLOW), path)
    other = web.serve("/b", Answer(BODY[::-1], headers=TAGGED))
    download.fetch(other, path, verbose=0)
    assert web.ranges() == [None, None]
    assert _whole(path, BODY[::-1])


def test_what_came_whole_is_not_asked_for_again(web, path):
    url = web.serve("/a", Answer(BODY, headers=TAGGED))
    partial = download._Partial.at(path.with_name(f"{path.name}.partial"), url)
    partial.restart('"v1"', len(BODY))
    partial.path.write_bytes(BODY)
    assert download.fetch(url, path, verbose=0) == SHA256
    assert not web.requests and _whole(path)


@pytest.mark.parametrize("state", [None, "", "[]", "{}", '{"url": 1, "x": 2}'])
def test_a_file_of_unknown_origin_is_not_continued(web, path, state):
    (path.parent / "model.tar.gz.partial").write_bytes(b"unknown")
    if state is not None:
        (path.parent / "model.tar.gz.partial.json").write_text(state)
    url = web.serve("/a", Answer(BODY, headers=TAGGED))
    download.fetch(url, path, verbose=0)
    assert web.ranges() == [None] and _whole(path)


# === Other file systems


def test_a_remote_file_is_copied(path):
    import tensorflow as tf

    with tf.io.gfile.GFile("ram://bucket/model.tar.gz", "wb") as file:
        file.write(BODY)
    sha256 = download.fetch("ram://bucket/model.tar.gz", path, verbose=0)
    assert sha256 == SHA256 and _whole(path)


def test_troubles_of_other_file_systems(path, monkeypatch):
    import tensorflow as tf

    with pytest.raises(FileNotFoundError, match="There is no ram://missing"):
        download.fetch("ram://missing/a.tar", path, verbose=0)

    def read(*_):
        raise tf.errors.UnavailableError(None, None, "out of order")

    monkeypatch.setattr(tf.io.gfile, "GFile", read)
    with pytest.raises(ConnectionError, match="out of order"):
        download.fetch("gs://bucket/a.tar", path, verbose=0)
    assert not list(path.parent.iterdir())
