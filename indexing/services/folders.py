"""Looking around in the folders of this server that may be ingested, and nowhere else."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from indexing.services.sources import FolderNotAllowed, allowed_folder

MOST = 500  # folders listed at once; a person does not read more


@dataclass(frozen=True, slots=True)
class Listing:
    """The folders in one folder."""

    path: Path | None  # None: the roots themselves
    parent: str  # '' leads to the roots
    folders: list[tuple[str, Path]]  # (name, path), by name
    num_files: int
    is_cut: bool = False


def list_folder(path: str) -> Listing:
    """What is in `path`; '' lists the roots. FolderNotAllowed for anything that resolves to outside them."""
    if not path:
        return Listing(None, "", [(str(root), root) for root in settings.MEDIA_ROOTS], 0)
    folder = allowed_folder(path)
    folders, num_files = [], 0
    try:
        for entry in sorted(folder.iterdir(), key=lambda each: each.name.lower()):
            if entry.name.startswith("."):
                continue
            if entry.is_dir() and not entry.is_symlink():
                folders.append((entry.name, entry))
            else:
                num_files += 1
    except PermissionError:
        raise FolderNotAllowed(f"{path} may not be read by the server. Change its permissions.") from None
    is_root = any(folder == Path(root).resolve() for root in settings.MEDIA_ROOTS)
    return Listing(
        folder, "" if is_root else str(folder.parent), folders[:MOST], num_files, len(folders) > MOST
    )
