"""The audit log of accounts: one line per thing that a person did to rights."""

from sisyphus_web.accounts.models import AuditLine, Corpus, User


def note(what: str, *, by: User | None, corpus: Corpus | None = None, detail: str = "") -> None:
    """Append a line; longer details are cut at 300 characters."""
    AuditLine.objects.create(what=what, by=by, corpus=corpus, detail=detail[:300])
