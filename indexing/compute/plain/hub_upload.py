"""Feature files to a data set of the Hugging Face hub, and whether the hub has their very bytes."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexing.compute.files import sha256_of

Sent = tuple[Path, str]  # a local file, and its path in the data set
FILES_PER_COMMIT = (
    100  # one commit per so many: a failure loses little, and the hub limits commits by the hour
)


class UploadFailed(Exception):
    """The hub did not take or not confirm something: a sentence."""


class Hub:
    """One data set of the hub; every call goes through huggingface_hub. The token is never shown."""

    def __init__(self, repo: str, *, token: str | None, endpoint: str | None = None) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()  # the caller has its own
        self.repo = repo
        self._api = HfApi(endpoint=endpoint, token=token or False, library_name="sisyphus")

    def upload(self, files: Sequence[Sent], message: str) -> None:
        """Commit each (local file, path in the data set), all or none; UploadFailed with the hub's reason."""
        from huggingface_hub import CommitOperationAdd

        with _telling(self.repo):
            self._api.create_commit(
                self.repo,
                [CommitOperationAdd(path_in_repo=place, path_or_fileobj=path) for path, place in files],
                commit_message=message,
                repo_type="dataset",
            )

    def has(self, files: Sequence[Sent]) -> list[bool]:
        """Which local files the hub holds at their path with the same content, by its own checksums."""
        with _telling(self.repo):
            found = self._api.get_paths_info(self.repo, [place for _, place in files], repo_type="dataset")
        told = {each.path: each for each in found}
        return [_is_same(path, told.get(place)) for path, place in files]


@contextmanager
def _telling(repo: str) -> Iterator[None]:
    """What the library raises inside the block, as a sentence without the token."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        yield
    except RepositoryNotFoundError as error:
        raise UploadFailed(
            f"the hub has no data set {repo}, or this token may not see it; make it there first"
        ) from error
    except Exception as error:  # the library lets through whatever its transport raises
        raise UploadFailed(f"the hub did not take it: {_told(error)}") from error


def upload(hub: Hub, files: Sequence[Sent], on_done: Callable[[list[Sent]], None]) -> None:
    """Upload in commits of FILES_PER_COMMIT; `on_done` gets what the hub confirmed, after each of them.

    What the hub has already is not sent again. UploadFailed ends it; what was confirmed stays confirmed.
    """
    for start in range(0, len(files), FILES_PER_COMMIT):
        chunk = files[start : start + FILES_PER_COMMIT]
        there = hub.has(chunk)
        missing = [file for file, is_there in zip(chunk, there, strict=True) if not is_there]
        if missing:
            hub.upload(missing, f"Upload {len(missing)} feature files")
            there = hub.has(chunk)
        on_done([file for file, is_there in zip(chunk, there, strict=True) if is_there])
        if not all(there):
            lost = next(place for (_, place), is_there in zip(chunk, there, strict=True) if not is_there)
            raise UploadFailed(f"{hub.repo} took {lost} and does not confirm its checksum")


def _is_same(path: Path, there: Any) -> bool:
    """Whether what the hub says of a file (sha256 of a large one, git's name of a small one) is of `path`."""
    if there is None or getattr(there, "size", None) != path.stat().st_size:
        return False
    lfs = getattr(there, "lfs", None)
    if lfs:
        return str(lfs["sha256"] if isinstance(lfs, dict) else lfs.sha256) == sha256_of(path)
    return bool(there.blob_id == git_name(path))


def git_name(path: Path) -> str:
    """The name git gives to a file's content: sha1 of its length and its bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _told(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]
