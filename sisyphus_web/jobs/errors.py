"""Failures that a person can do something about; anything else a job raises is a bug of ours."""


class JobError(Exception):
    """Something the user can fix. `code` is stable; its advice stands in advice.py."""

    code = "job-error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)


class Stopped(Exception):
    """The job was cancelled or given to another worker: write nothing more. Not an error."""
