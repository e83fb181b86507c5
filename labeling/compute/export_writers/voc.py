"""Pascal VOC: an XML file per frame, and the lists of ImageSets/Main.

The layout of the development kit of 2012 (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf),
which torchvision's VOCDetection reads. Corners are counted from 1 and belong to the box. `<class>_<side>.txt`
says 1 for a frame that was accepted, or has an accepted box, and -1 for one that was rejected. The bndbox of
a whole frame is the box its answer was about, else all of it; `box` beside it, in shares of the frame, is
exact, and `kind` says of what the answer was: a frame or a region.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from labeling.compute.export_writers.layouts import Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import Line, frame_name

ROOT = "VOCdevkit/VOC2012"


@dataclass(frozen=True)
class Voc(Layout):
    """VOCdevkit/VOC2012 with JPEGImages, Annotations and ImageSets/Main."""

    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        name = frame_name(frame[0], length=self.length)
        if picture:
            yield f"{ROOT}/JPEGImages/{name}.{self.suffix}", picture(None)
        yield f"{ROOT}/Annotations/{name}.xml", self._annotation(frame, name).encode()

    def lists(self, frames: Iterable[Frame]) -> Iterator[Entry]:
        folders = self.folders
        for side in ("train", "val", "test"):
            yield f"{ROOT}/ImageSets/Main/{side}.txt", b""  # also where nothing is on that side
        for frame in frames:
            side, name = frame[0].split, frame_name(frame[0], length=self.length)
            yield f"{ROOT}/ImageSets/Main/{side}.txt", f"{name}\n".encode()
            said: dict[str, bool] = {}
            for line in frame:
                if line.answer == "accept" or line.box is None:  # a rejected box says nothing of its frame
                    said[line.label_class] = said.get(line.label_class, False) or line.answer == "accept"
            for label_class, is_there in said.items():
                sign = " 1" if is_there else "-1"
                yield f"{ROOT}/ImageSets/Main/{folders[label_class]}_{side}.txt", f"{name} {sign}\n".encode()

    def _annotation(self, frame: Frame, name: str) -> str:
        first = frame[0]
        objects = "".join(_object(line) for line in frame if line.answer == "accept")
        return (
            f"<annotation>\n\t<folder>VOC2012</folder>\n\t<filename>{name}.{self.suffix}</filename>\n"
            f"\t<source>\n\t\t<database>{text_of(str(self.info.get('corpus', '')))}</database>\n"
            f"\t\t<image>{text_of(first.media_name)}</image>\n\t</source>\n"
            f"\t<size>\n\t\t<width>{first.width_px}</width>\n\t\t<height>{first.height_px}</height>\n"
            f"\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n{objects}</annotation>\n"
        )


def text_of(text: str) -> str:
    """Text as XML 1.0 can hold it."""
    return escape("".join(each if each.isprintable() or each == " " else " " for each in text))


def _object(line: Line) -> str:
    x0, y0, x1, y1 = line.outline or (0, 0, line.width_px, line.height_px)
    return (
        f"\t<object>\n\t\t<name>{text_of(line.label_class)}</name>\n\t\t<pose>Unspecified</pose>\n"
        "\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n"
        f"\t\t<bndbox>\n\t\t\t<xmin>{x0 + 1}</xmin>\n\t\t\t<ymin>{y0 + 1}</ymin>\n"
        f"\t\t\t<xmax>{x1}</xmax>\n\t\t\t<ymax>{y1}</ymax>\n\t\t</bndbox>\n{_said_of(line)}\t</object>\n"
    )


def _said_of(line: Line) -> str:
    if line.said_of is None:
        return ""
    return f"\t\t<kind>{line.kind}</kind>\n\t\t<box>{' '.join(map(str, line.said_of))}</box>\n"
