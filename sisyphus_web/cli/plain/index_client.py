"""The other end of a served index: its facts, its answers, and what is wrong in one sentence."""

import http.client
import json
import socket
import time
from typing import Any

from sisyphus_web.cli.errors import CliError, Exit

TIMEOUT_SECONDS = 60.0
LOADING_SECONDS, AGAIN_SECONDS = 60.0, 0.2


class IndexClient:
    """Asks the server at host:port; CliError, never a traceback, when it does not answer well."""

    def __init__(self, host: str, port: int, token: str | None = None) -> None:
        self._host, self._port = host, port
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def info(self) -> dict[str, Any]:
        found = self._ask("GET", "/info", None)
        if not isinstance(found, dict) or "width" not in found:
            raise CliError(f"{self._at} is not a served index: it has no /info")
        return found

    def query(self, body: bytes) -> list[dict[str, Any]]:
        found = self._ask("POST", "/", body)
        if not isinstance(found, list):
            raise CliError(f"{self._at} is not a served index: it answered no list")
        return found

    @property
    def _at(self) -> str:
        return f"http://{self._host}:{self._port}"

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        """The answer; while the index is being loaded it is asked again."""
        deadline = time.monotonic() + LOADING_SECONDS
        while True:
            status, content = self._sent(method, path, body)
            if status != http.client.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                return self._read(status, content)
            time.sleep(AGAIN_SECONDS)

    def _sent(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException, socket.gaierror) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise CliError(
                f"{self._at} does not answer ({reason}). Start it with sfi serve-index, "
                "or give --host and --port."
            ) from None
        finally:
            connection.close()

    def _read(self, status: int, content: bytes) -> Any:
        try:
            found = json.loads(content)
        except ValueError:
            raise CliError(f"{self._at} is not a served index: it answered HTTP {status}, no JSON") from None
        if status == http.client.UNAUTHORIZED:
            given = "another token than its own" if self._headers else "no token"
            raise CliError(
                f"{self._at} was given {given}: name the file that the server has as --token-file",
                Exit.REFUSED,
            )
        if status != http.client.OK:
            detail = found.get("detail", "") if isinstance(found, dict) else ""
            code = Exit.REFUSED if status in (400, 413) else Exit.FAILED
            raise CliError(f"{self._at} refused the query: {detail or f'HTTP {status}'}", code)
        return found
