"""The other end of a served index: its facts, its answers, and what is wrong in one sentence."""

import http.client
import json
import socket
from typing import Any

from sisyphus_web.cli.errors import CliError, Exit

TIMEOUT_SECONDS = 60.0


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
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException, socket.gaierror) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise CliError(
                f"{self._at} does not answer ({reason}). Start it with sfi serve-index, "
                "or give --host and --port."
            ) from None
        finally:
            connection.close()
        try:
            found = json.loads(content)
        except ValueError:
            raise CliError(
                f"{self._at} is not a served index: it answered HTTP {answer.status}, no JSON"
            ) from None
        if answer.status != http.client.OK:
            detail = found.get("detail", "") if isinstance(found, dict) else ""
            code = Exit.REFUSED if answer.status in (400, 401, 413) else Exit.FAILED
            raise CliError(f"{self._at} refused the query: {detail or f'HTTP {answer.status}'}", code)
        return found
