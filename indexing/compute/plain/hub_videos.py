"""Videos of a Hugging Face data set, streamed through the `datasets` library: one at a time, nothing kept."""

import io
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from indexing.compute.plain.video_inputs import VideoInput

PLACES = ("video", "path", "file", "url", "video_path", "file_name")  # columns that may say where a video is
NAMES = ("id", "video_id", "name")
FIRST_SPLITS = ("train", "test")


class HubRefused(ValueError):
    """A data set that cannot be had or holds no videos: a sentence that says what to do."""


def videos_of(name: str, *, config: str | None = None, token: str | None = None) -> Iterator[VideoInput]:
    """Every video of the data set `name` (of the hub, or a folder): split train, then test, then the others.

    A video is named by its column `id`, else by its file; a name met again gets its number. HubRefused
    without the library, the data set, or a column that holds videos.
    """
    datasets = _library()
    try:
        splits = datasets.load_dataset(name, config, streaming=True, token=token)
    except Exception as error:  # the library raises whatever its transport raises
        raise HubRefused(f"the data set {name} cannot be opened: {_told(error)}") from error
    seen: dict[str, int] = {}
    for split in sorted(splits, key=lambda each: (*(each != first for first in FIRST_SPLITS), each)):
        examples = iter(splits[split].decode(enable=False))
        while True:
            try:
                example = next(examples)
            except StopIteration:
                break
            except Exception as error:
                raise HubRefused(f"the data set {name} broke off in {split}: {_told(error)}") from error
            yield _video(example, name, split, seen, _opener(datasets, name, token))


def checked(videos: Iterator[VideoInput]) -> Iterator[VideoInput]:
    """The same videos, the first looked at now: what is wrong with a data set is known before work."""
    first = next(videos, None)
    return iter(()) if first is None else chain([first], videos)


def _video(
    example: Mapping[str, Any],
    dataset: str,
    split: str,
    seen: dict[str, int],
    opener: Callable[[str], BinaryIO],
) -> VideoInput:
    column = next((each for each in PLACES if example.get(each)), None)
    if column is None:
        raise HubRefused(
            f"{dataset} says nowhere where its videos are: its columns are {', '.join(example)}; "
            f"one of {', '.join(PLACES)} is needed"
        )
    value = example[column]
    content = value.get("bytes") if isinstance(value, Mapping) else None
    place = str(value.get("path") or "") if isinstance(value, Mapping) else str(value)
    name = _name(next((str(example[each]) for each in NAMES if example.get(each)), ""), place)
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:
        name = f"{name}-{seen[name]}"
    if content is not None:
        return VideoInput(name, f"{dataset}/{split}/{name}", open_remote=lambda: io.BytesIO(content))
    return VideoInput(name, place, open_remote=lambda: opener(place))


def _opener(datasets: Any, dataset: str, token: str | None) -> Callable[[str], BinaryIO]:
    def opened(place: str) -> BinaryIO:
        is_here = "://" not in place
        if is_here and not Path(dataset).is_dir():
            raise PermissionError("a data set of the hub names a file of this machine")
        config = datasets.DownloadConfig(token=token)
        return datasets.utils.file_utils.xopen(place, "rb", download_config=config)

    return opened


def _name(given: str, place: str) -> str:
    """A name below the output folder, whatever the data set says: a/../../b -> a/b."""
    text = given or str(PurePosixPath(unquote(urlsplit(place).path)).with_suffix("").name)
    parts = [part for part in text.replace("\\", "/").split("/") if part.strip(". ")]
    return "/".join(part.lstrip(".").replace("\0", "") for part in parts) or "video"


def _library() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise HubRefused(
            "--hf-dataset needs the library `datasets`: pip install -r requirements-datasets.txt"
        ) from error
    return datasets


def _told(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]
