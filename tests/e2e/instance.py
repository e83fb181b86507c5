"""A whole Sisyphus of its own: what `bin/sisyphus up` starts, on a free port and an empty data directory."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 240
OWN = ("DATABASE_URL", "REDIS_URL", "SISYPHUS_DATA_DIR", "SISYPHUS_TEST_SERVICES", "DJANGO_SECRET_KEY")


class Instance:
    """Started by `start`, ended by `stop`; what it prints is kept in `console`."""

    def __init__(self, data_dir: Path, media_root: Path) -> None:
        self.data_dir, self.media_root, self.port = data_dir, media_root, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.console_path = data_dir.parent / "console.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def console(self) -> str:
        return self.console_path.read_text(errors="replace")

    @property
    def password(self) -> str:
        """The one-time operator password that the first start prints."""
        found = re.search(r"with the password (\S+)", self.console)
        assert found, self.console
        return found[1]

    def start(self) -> None:
        env = {name: value for name, value in os.environ.items() if name not in OWN}
        command = [sys.executable, "-m", "sisyphus_web.up", "--port", str(self.port)]
        command += ["--data-dir", str(self.data_dir), "--media-root", str(self.media_root)]
        with self.console_path.open("wb") as console:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=console, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + READY_SECONDS
        while f"{self.url}/" not in self.console or "ready" not in self.console:
            assert self.process.poll() is None, self.console
            assert time.monotonic() < deadline, self.console
            time.sleep(0.3)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(180)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """HTTP as a script would write it: a session by password, or a token."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self.token = url, token
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """`body` is sent as JSON unless it is bytes; a 4xx or 5xx is an answer, not an error."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header(
            "Content-Type", "application/octet-stream" if isinstance(body, bytes) else "application/json"
        )
        if self.token:
            request.add_header("Authorization", f"Token {self.token}")
        for cookie in self.cookies:
            if "csrf" in cookie.name:
                request.add_header("X-CSRFToken", cookie.value or "")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with self.opener.open(request, timeout=120) as answer:
                return Answer(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), dict(error.headers))

    def sign_in(self, name: str, password: str) -> None:
        page = self.call("GET", "/login/").body.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        form = urllib.parse.urlencode(
            {"csrfmiddlewaretoken": token[1], "username": name, "password": password}
        )
        request = urllib.request.Request(self.url + "/login/", data=form.encode())
        with self.opener.open(request, timeout=120) as answer:
            assert "/login/" not in answer.url, answer.read().decode()

    def done(self, path: str, *, seconds: float = 400) -> Any:
        """The job at `path` once it is done; fails with its error when it failed."""
        deadline = time.monotonic() + seconds
        while True:
            job = self.call("GET", path).json
            if job["status"] == "done":
                return job
            assert job["status"] in {"queued", "running"}, job
            assert time.monotonic() < deadline, job
            time.sleep(0.3)
