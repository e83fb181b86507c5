"""The connection to one Sisyphus."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from sisyphus_client.corpus import Corpus
from sisyphus_client.transport import TRIES, Transport


class Client:
    """A Sisyphus at `url`, used with an API token; a context manager.

    `tries` is how often a request is tried while the server is away or busy, each wait twice as long.
    """

    def __init__(self, url: str, token: str, *, timeout_seconds: float = 60.0, tries: int = TRIES) -> None:
        self.transport = Transport(url, token, timeout_seconds=timeout_seconds, tries=tries)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self.transport.http.close()

    def me(self) -> dict[str, Any]:
        """Whose token it is, and what it may do."""
        return dict(self.transport.get("me/"))

    def corpora(self) -> Iterator[Corpus]:
        """The corpora that the token sees."""
        for said in self.transport.pages("corpora/"):
            yield Corpus(self.transport, said["id"], said["name"])

    def corpus(self, name: str | int) -> Corpus:
        """The corpus of that name or id; LookupError if there is none."""
        for corpus in self.corpora():
            if name in (corpus.id, corpus.name):
                return corpus
        raise LookupError(f"There is no corpus {name!r}, or this token does not see it.")

    def create_corpus(self, name: str, *, description: str = "") -> Corpus:
        """A new, empty corpus of yours."""
        said = self.transport.post("corpora/", {"name": name, "description": description})
        return Corpus(self.transport, said["id"], said["name"])
