"""A local web server that misbehaves as it is told, and remembers."""

import contextlib
import dataclasses
import http.server
import threading
import time

import pytest

CHUNK = 4096


@dataclasses.dataclass
class Answer:
    """How one request is answered.

    Attributes:
        body: The whole file.
        status: Of an answer to a request without a range.
        headers: Further headers, as `{"ETag": '"1"'}`.
        break_after: Bytes after which the connection is closed, or `None`.
        pause: Seconds to wait before each 4 KiB.
        ranges: Whether `Range` is understood.
        if_range: Whether `If-Range` is.
        tells_length: Whether there is a Content-Length.
    """

    body: bytes = b""
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    break_after: int | None = None
    pause: float = 0.0
    ranges: bool = True
    if_range: bool = True
    tells_length: bool = True


def redirect(location, status=302):
    """An answer that sends the client on."""
    return Answer(status=status, headers={"Location": location})


class Server:
    """What is served, and what has been asked for.

    Attributes:
        url: `http://127.0.0.1:PORT`, without a slash at its end.
        requests: `(path with query, headers)` of each request so far.
    """

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.requests = []
        self._answers = {}
        self._lock = threading.Lock()

    def serve(self, path, *answers):
        """Sets the answers to a path: one after the other, the last stays.

        Args:
            path: Path without the query.
            *answers: `Answer`s, or bytes that are served without further ado.

        Returns:
            The URL.
        """
        self._answers[path] = [
            Answer(answer) if isinstance(answer, bytes) else answer
            for answer in answers
        ]
        return self.url + path

    def paths(self):
        """Paths with queries, in the order they were asked for."""
        return [path for path, _ in self.requests]

    def ranges(self):
        """The `Range` of each request, or `None`."""
        return [headers.get("Range") for _, headers in self.requests]

    def next_answer(self, path, headers):
        """Notes a request and says how to answer it."""
        with self._lock:
            self.requests.append((path, headers))
            answers = self._answers.get(path.split("?")[0])
            if not answers:
                return Answer(b"unknown", status=404)
            return answers.pop(0) if len(answers) > 1 else answers[0]


@contextlib.contextmanager
def running():
    """Starts a server on a free port of this machine, and stops it."""
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.daemon_threads = True
    httpd.told = Server(httpd.server_port)
    thread = threading.Thread(
        target=httpd.serve_forever, kwargs={"poll_interval": 0.02}
    )
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            # A proxy of this machine would not find it.
            patch.setenv("no_proxy", "127.0.0.1")
            yield httpd.told
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        headers = dict(self.headers)
        answer = self.server.told.next_answer(self.path, headers)
        status, start, more = self._part(answer, headers)
        body = b"" if status == 416 else answer.body[start:]
        self.send_response(status)
        for name, value in (answer.headers | more).items():
            self.send_header(name, value)
        if answer.tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            self._send(body[: answer.break_after], answer.pause)

    def _part(self, answer, headers):
        """Status, first byte and headers, of what is asked for."""
        asked = headers.get("Range")
        if not asked or not answer.ranges or answer.status != 200:
            return answer.status, 0, {}
        is_same = headers.get("If-Range") in (None, *answer.headers.values())
        if answer.if_range and not is_same:
            return answer.status, 0, {}
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        size = len(answer.body)
        if start >= size:
            return 416, 0, {"Content-Range": f"bytes */{size}"}
        return (
            206,
            start,
            {"Content-Range": f"bytes {start}-{size - 1}/{size}"},
        )

    def _send(self, body, pause):
        for start in range(0, len(body), CHUNK):
            if pause:
                time.sleep(pause)
            self.wfile.write(body[start : start + CHUNK])
            self.wfile.flush()

    def log_message(self, *_):
        """Silent: pytest shows what matters."""
