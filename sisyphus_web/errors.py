"""The root of failures that a person can do something about."""


class JobError(Exception):
    """Something the user can fix. `code` is stable; what to do about it stands in jobs/advice.py."""

    code = "job-error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
