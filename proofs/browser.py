"""A real browser without a window, driven over a pipe: for proofs of pages.

It speaks the Chrome DevTools Protocol, one JSON message after the other with a NUL between them,
through two descriptors; so nothing has to be installed but the browser, and no port is open.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ANSWER_SECONDS_MAX: Final = 60.0

_FLAGS: Final = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"),
    *("--disable-extensions", "--disable-background-networking", "--disable-dev-shm-usage"),
    *("--hide-scrollbars", "--mute-audio", "--no-default-browser-check"),
)

_START: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3), os.dup2(int(sys.argv[2]), 4), os.execv(sys.argv[3], sys.argv[3:])
"""
"""The descriptors must be 3 and 4 in the browser, and are others here."""


def installed() -> str | None:
    """The path of a browser that can be driven, None if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """To be used in ``with``; ``errors`` grows by each error that a page tells, in words."""

    def __init__(self, profile: Path) -> None:
        self.errors: list[str] = []
        self._profile = profile
        self._number = 0
        self._session: str | None = None
        self._read = b""
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        program = installed()
        assert program is not None
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        flags = [*_FLAGS, *sandbox, f"--user-data-dir={self._profile}", "about:blank"]
        given = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 5) for one in (to_browser, from_browser)]
        starting = [sys.executable, "-I", "-S", "-c", _START, *map(str, given)]
        self._process = subprocess.Popen(
            [*starting, program, *flags],
            pass_fds=given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for descriptor in (to_browser, from_browser, *given):
            os.close(descriptor)
        try:
            self._attach()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _attach(self) -> None:
        """To the one page that there is."""
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session = None
        try:
            self.call("Browser.close")
            self._process.wait(10)
        except (OSError, EOFError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        finally:
            os.close(self._to)
            os.close(self._from)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers. Raises ``RuntimeError`` with its words where it refuses."""
        self._number += 1
        told = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            told["sessionId"] = self._session
        os.write(self._to, json.dumps(told).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                break
            self._note(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        found: dict[str, Any] = message["result"]
        return found

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Show a file in a window of this size, light or dark, until it is loaded."""
        mobile = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._note(self._message())

    def evaluate(self, script: str) -> Any:
        """What a script in the page comes to, as JSON. Raises ``RuntimeError`` if it throws."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(_thrown(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """A key goes down and up again, as "ArrowRight"."""
        for kind in ("keyDown", "keyUp"):
            named = {"type": kind, "key": key, "code": key, "modifiers": 8 if shift else 0}
            self.call("Input.dispatchKeyEvent", **named)

    def point(self, x: float, y: float) -> None:
        """The mouse goes down and up again there, in pixels of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            where = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", **where)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """What is to be seen, or all of the page, as a PNG."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(data["data"]))

    def _message(self) -> dict[str, Any]:
        ends_at = time.monotonic() + ANSWER_SECONDS_MAX
        while b"\0" not in self._read:
            left = ends_at - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise TimeoutError(f"the browser must answer within {ANSWER_SECONDS_MAX:g} s")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise EOFError("the browser must live, and has closed its pipe")
            self._read += data
        line, _, self._read = self._read.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        """What the browser tells by itself."""
        self._events.append(message)
        method, told = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(_thrown(told["exceptionDetails"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.errors.append(told["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.errors.append(str([one.get("value") for one in told["args"]]))
        elif method == "Network.requestWillBeSent":
            url = told["request"]["url"]
            if not url.startswith(("file:", "data:")):
                self.errors.append(f"asked the network for {url}")


def _thrown(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details["text"])
