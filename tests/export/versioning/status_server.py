"""A stand-in for TF Serving that reads its config and tells its states."""

import contextlib
import http.server
import inspect
import json
import pathlib
import re
import threading

from keras_transfer.export.versioning import models_config


class StatusServer:
    """Looks at its config at every call, as the real one does in intervals.

    As in `ServerCore` of TF Serving, a config is refused as a whole if it
    moves a label that exists to a version that is not available, and labels
    are moved before versions are loaded.

    Args:
        config: Path of the config.
        failures: Dict from version to the reason why it cannot be loaded.

    Attributes:
        states: Dict from version to `(state, failure)`.
        labels: Dict from label to version.
        refused: Configs that were refused.
        calls: Paths that were asked for.
    """

    def __init__(self, config, failures=None):
        self.config = pathlib.Path(config)
        self.failures = failures or {}
        self.states = {}
        self.labels = {}
        self.refused = []
        self.calls = []
        for _ in range(2):  # it opens its port when all is loaded
            self.poll()

    def poll(self):
        """Looks at the config, and goes on with what it loads."""
        for version, (state, _) in list(self.states.items()):
            if state == "LOADING":
                failure = self.failures.get(version, "")
                name = "END" if failure else "AVAILABLE"
                self.states[version] = (name, failure)
        text, (entry,) = models_config.load(self.config)
        for label, version in entry.labels.items():
            moved = self.labels.get(label, version) != version
            if moved and self._state(version) != "AVAILABLE":
                self.refused.append(text)
                return
        self.labels = dict(entry.labels)
        wanted = entry.loaded([])
        for version in wanted:
            # A version that failed is not tried again.
            if self.states.get(version, ("END", "")) == ("END", ""):
                self.states[version] = ("LOADING", "")
        for version in set(self.states) - set(wanted):
            self.states[version] = ("END", self.states[version][1])

    def _state(self, version):
        return self.states.get(version, ("END", ""))[0]

    def answer(self, path):
        """HTTP status and contents for a call."""
        self.calls.append(path)
        self.poll()
        match = re.fullmatch(r"/v1/models/flowers/versions/(\d+)", path)
        if not match or int(match[1]) not in self.states:
            return 404, {"error": "Could not find any versions of model"}
        state, failure = self.states[int(match[1])]
        code = "INTERNAL" if failure else "OK"
        status = {"error_code": code, "error_message": failure}
        found = {"version": match[1], "state": state, "status": status}
        return 200, {"model_version_status": [found]}


@contextlib.contextmanager
def listening(answer):
    """Serves `answer(path)` or `answer(path, body)`; yields `host:port`.

    It returns an HTTP status, and contents for JSON or as `bytes`.
    """
    takes_body = len(inspect.signature(answer).parameters) > 1

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            extra = [body] if takes_body else []
            status, contents = answer(self.path, *extra)
            if not isinstance(contents, bytes):
                contents = json.dumps(contents).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(contents)))
            self.end_headers()
            self.wfile.write(contents)

        do_POST = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
