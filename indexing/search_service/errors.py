"""What the search service answers instead of neighbors."""


class Refusal(Exception):
    """A query that cannot be answered as it is: a stable code, a sentence for people, an HTTP status."""

    def __init__(self, code: str, detail: str, *, status: int = 400) -> None:
        super().__init__(detail)
        self.code, self.detail, self.status = code, detail, status
