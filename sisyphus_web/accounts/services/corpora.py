"""Corpora: made, renamed, archived."""

from django.db import transaction
from django.utils import timezone

from sisyphus_web.accounts.models import Corpus, Membership, Role, User
from sisyphus_web.accounts.services.audit_lines import note


@transaction.atomic
def create_corpus(*, name: str, description: str = "", created_by: User) -> Corpus:
    """Make a corpus with `created_by` as its manager; ValidationError if the name is blank or in use."""
    corpus = Corpus(name=name.strip(), description=description.strip(), created_by=created_by)
    corpus.full_clean()
    corpus.save()
    Membership.objects.create(corpus=corpus, user=created_by, role=Role.MANAGER)
    note("corpus-create", by=created_by, corpus=corpus, detail=corpus.name)
    return corpus


@transaction.atomic
def update_corpus(
    corpus: Corpus, *, name: str | None = None, description: str | None = None, by: User
) -> Corpus:
    """Give a corpus another name or description; ValidationError if the name is blank or in use."""
    if name is not None:
        corpus.name = name.strip()
    if description is not None:
        corpus.description = description.strip()
    corpus.full_clean()
    corpus.save(update_fields=["name", "description"])
    note("corpus-update", by=by, corpus=corpus, detail=corpus.name)
    return corpus


@transaction.atomic
def archive_corpus(corpus: Corpus, *, by: User) -> None:
    """Take a corpus out of use: nobody sees it any more, nothing is deleted, its name is free."""
    corpus.archived_at = timezone.now()
    corpus.save(update_fields=["archived_at"])
    note("corpus-archive", by=by, corpus=corpus, detail=corpus.name)
