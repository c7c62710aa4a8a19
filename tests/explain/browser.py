"""A headless Chromium, spoken to through its DevTools pipe.

No driver and no websocket: messages are JSON with a null byte at their end.
"""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_IN, _OUT = 3, 4


def find():
    """Path of a Chromium, or `None`."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Browser:
    """Opens pages; `errors` holds what their consoles complained of.

    Args:
        program: Path of the browser.
        profile: Folder for its files.
        patience: Seconds to wait for an answer.
    """

    def __init__(self, program, profile, patience=120):
        self.errors = []
        self.requests = []
        self._patience = patience
        self._numbers = itertools.count(1)
        self._pending = b""
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()

        # Not by `preexec_fn`: Python would fork, of which JAX warns. By way of
        # high numbers, as one end may be 3 or 4 itself.
        ends = [
            fcntl.fcntl(end, fcntl.F_DUPFD, 20)
            for end in (to_browser, from_browser)
        ]
        self._process = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec "$0" "$@" {_IN}<&{ends[0]} {_OUT}>&{ends[1]}',
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--remote-debugging-pipe",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (to_browser, from_browser, *ends):
            os.close(end)
        self._session = None
        target = self.send("Target.createTarget", url="about:blank")
        attached = self.send(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def close(self):
        """Ends the browser and what it started."""
        self._session = None
        try:
            self.send("Browser.close")
            self._process.wait(20)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def open(self, path, width, height=900, is_dark=False, is_phone=False):
        """Shows a file at a size, and waits until it is loaded."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )
        scheme = "dark" if is_dark else "light"
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", features=[feature])
        self.send("Page.navigate", url=path.resolve().as_uri())
        deadline = time.monotonic() + self._patience
        while self.value("document.readyState") != "complete" or (
            self.value("location.href") == "about:blank"
        ):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} does not load.")
            time.sleep(0.1)

    def value(self, expression):
        """What a JavaScript expression is, in the page."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path, is_whole=True):
        """Writes a PNG of the page."""
        answer = self.send(
            "Page.captureScreenshot", captureBeyondViewport=is_whole
        )
        path.write_bytes(base64.b64decode(answer["data"]))

    def send(self, method, **parameters):
        """Calls a method of the DevTools protocol; returns its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _receive(self):
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self._read], [], [], self._patience)
            if not ready:
                raise TimeoutError("Chromium does not answer.")
            part = os.read(self._read, 1 << 16)
            if not part:
                raise OSError("Chromium ended.")
            self._pending += part
        text, _, self._pending = self._pending.partition(b"\0")
        return json.loads(text)

    def _note(self, event):
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"])
        elif method == "Log.entryAdded":
            self.errors.append(params["entry"])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(params["args"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
