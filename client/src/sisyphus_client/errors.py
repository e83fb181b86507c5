"""What can go wrong, as exceptions with the server's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """The server understood and refused: `status`, a stable `code`, a sentence, and `fields`.

    `wait_seconds`: after how long it may be asked again; 0.0 where it did not say.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        fields: Mapping[str, Any] | None = None,
        *,
        wait_seconds: float = 0.0,
    ) -> None:
        super().__init__(f"{detail} ({status} {code})")
        self.status, self.code, self.detail, self.wait_seconds = status, code, detail, wait_seconds
        self.fields = dict(fields or {})


class Unreachable(Exception):
    """No answer after all tries: the network, or the server is down."""


class JobFailed(Exception):
    """A job that was waited for failed or was cancelled; `code` is the job's."""

    def __init__(self, job: int, status: str, code: str, detail: str) -> None:
        super().__init__(f"Job {job} {status}: {detail or code or 'no reason given'}")
        self.job, self.status, self.code, self.detail = job, status, code, detail


class ChecksumMismatch(Exception):
    """What was downloaded is not what the server said it has; the file was removed."""
