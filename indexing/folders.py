"""Looking around in the folders of this server that may be ingested, and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOST = 500  # folders listed at once; a person does not read more


class FolderRefused(Exception):
    """A folder that is not below an allowed root, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The folders in one folder."""

    path: Path | None  # None: the roots themselves
    parent: str  # '' leads to the roots
    folders: list[tuple[str, Path]]  # (name, path), by name
    num_files: int
    is_cut: bool = False


def list_folder(path: str, *, roots: Sequence[Path]) -> Listing:
    """What is in `path`; '' lists the roots. FolderRefused for anything that resolves to outside them."""
    if not path:
        return Listing(None, "", [(str(root), root) for root in roots], 0)
    folder = Path(path).resolve()
    inside = [root for root in roots if folder == root.resolve() or root.resolve() in folder.parents]
    if not inside:
        allowed = ", ".join(str(root) for root in roots) or "none; the operator sets SISYPHUS_MEDIA_ROOTS"
        raise FolderRefused(f"{path} is not below an allowed folder. Allowed: {allowed}.")
    if not folder.is_dir():
        raise FolderRefused(f"{path} is not a folder of this server. Look at its spelling.")
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
        raise FolderRefused(f"{path} may not be read by the server. Change its permissions.") from None
    parent = "" if any(folder == root.resolve() for root in inside) else str(folder.parent)
    return Listing(folder, parent, folders[:MOST], num_files, len(folders) > MOST)
