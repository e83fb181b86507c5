"""Which picture a feature file is of when no side file says it: the one of its name."""

from pathlib import Path, PurePath

from indexing.compute.plain.whole_files import files_below

AMBIGUOUS = ""


class SourcePictures:
    """The files below a folder by their names, with and without suffix, with and without their folders."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._named: dict[str, str] = {}
        for name in files_below(root)[0]:
            path = PurePath(name)
            for key in {name, str(path.with_suffix("")), path.name, path.stem}:
                self._named[key] = AMBIGUOUS if key in self._named else name

    def of(self, feature_file: str) -> str | None:
        """The picture of a feature file; None where no file has its name, or several do.

        features/crab/a.npy -> ROOT/crab/a.jpg; features/a.jpg.npy -> ROOT/a.jpg;
        features/a.npy -> ROOT/crab/a.jpg
        """
        parts = PurePath(feature_file).with_suffix("").parts
        for start in range(len(parts)):
            found = self._named.get("/".join(parts[start:]))
            if found is not None:
                return str(self._root / found) if found else None
        return None
