"""The layouts of datasets in archives: which files a frame becomes, and which lists stand beside them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from labeling.compute.export_writers.lines import Line, folders_of

Box = tuple[int, int, int, int]
Frame = Sequence[Line]  # all lines of one (media file, pts), or of one clip
Entry = tuple[str, bytes]  # name in the archive, bytes; a name that ends with / is a folder
Picture = Callable[[Box | None], bytes]  # the frame, or its box, or the clip, encoded


@dataclass(frozen=True)
class Layout(ABC):
    """What a dataset version looks like in an archive; a format is a subclass.

    Nothing but the frames and these facts goes in, so the same version gives the same entries.
    """

    label_classes: Sequence[str]
    info: Mapping[str, Any]  # what dataset.json says
    length: int  # hex digits that tell the media files apart
    suffix: str  # of pictures: jpg or png; of clips: mp4

    @property
    def folders(self) -> dict[str, str]:
        """Class -> a name for it that is safe on every file system."""
        return folders_of(self.label_classes)

    @property
    def has_boxes(self) -> bool:
        """Whether some answers were about a part of their frame (`Line.said_of`)."""
        return bool(self.info.get("card", {}).get("boxes"))

    def head(self, frames: Callable[[], Iterable[Frame]]) -> Iterator[Entry]:
        """What comes first: dataset.json, which says what the archive holds."""
        about = {**self.info, "folders": self.folders}
        yield "dataset.json", orjson.dumps(about, option=orjson.OPT_INDENT_2)

    @abstractmethod
    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        """The files of one frame; without `picture` its labels alone."""

    def lists(self, frames: Iterable[Frame]) -> Iterator[Entry]:
        """Pieces of the files that list many frames: (name, what is appended to it)."""
        yield from ()
