"""Folders of this server that may be ingested, and the sources that remember them."""

from pathlib import Path

from django.conf import settings

from indexing.models import IndexingSettings, Source
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs.errors import JobError


class FolderNotAllowed(JobError):
    """A folder that is not below an allowed root, or is none."""

    code = "folder-not-allowed"


def allowed_folder(path: str) -> Path:
    """The real path of a folder below an allowed root; FolderNotAllowed for anything else."""
    real = allowed_path(path)
    if not real.is_dir():
        raise FolderNotAllowed(f"{path} is not a folder. Give the folder it is in.")
    return real


def allowed_path(path: str) -> Path:
    """The real path of a folder or file below an allowed root; FolderNotAllowed for anything else."""
    roots = [Path(root).resolve() for root in settings.MEDIA_ROOTS]
    if not path.startswith("/") or "\x00" in path:
        raise FolderNotAllowed(f"Give the whole path of a folder of this server, not {path[:200]!r}.")
    real = Path(path).resolve()
    if not any(real == root or root in real.parents for root in roots):
        allowed = ", ".join(str(root) for root in roots) or "none; the operator sets SISYPHUS_MEDIA_ROOTS"
        raise FolderNotAllowed(f"{path} is not below a folder that may be ingested. Allowed: {allowed}.")
    if not real.exists():
        raise FolderNotAllowed(f"{path} does not exist on this server. Look at its spelling.")
    return real


def folder_source(corpus: Corpus, *, path: str, created_by: User) -> Source:
    """The source of a corpus for a folder, made if it is new."""
    folder = allowed_folder(path)
    source, _ = Source.objects.get_or_create(
        corpus=corpus, kind=Source.Kind.FOLDER, path=str(folder), defaults={"created_by": created_by}
    )
    return source


def upload_source(corpus: Corpus, *, created_by: User) -> Source:
    """The one source of a corpus that stands for its uploads."""
    source, _ = Source.objects.get_or_create(
        corpus=corpus, kind=Source.Kind.UPLOAD, path="", defaults={"created_by": created_by}
    )
    return source


def indexing_settings(corpus: Corpus) -> IndexingSettings:
    """The corpus's settings, the defaults until somebody changes them."""
    return IndexingSettings.objects.filter(corpus=corpus).first() or IndexingSettings(corpus=corpus)
