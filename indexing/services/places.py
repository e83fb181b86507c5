"""Where media files lie: a file's identity is its bytes, and a place may hold others tomorrow."""

from collections.abc import Mapping

from indexing.compute.files import RAW_NAME, path_to_text, text_to_path
from indexing.models import MediaFile, MediaPath, Source

REPLACED = "/replaced"  # below a file, where nothing can lie: its place has other bytes by now


def place_of(path: MediaPath) -> str:
    """The absolute path, as text, of a file in a folder source."""
    return _place(path.source, path.relative_path)


def media_at(source_id: int, relative_paths: list[str]) -> dict[str, int]:
    """Relative path -> the media file that was seen there last."""
    found = MediaPath.objects.filter(source=source_id, relative_path__in=relative_paths)
    return dict(found.values_list("relative_path", "media_file"))


def follow(source_id: int, before: Mapping[str, int], now: Mapping[str, int]) -> None:
    """Let media files be read where their own bytes are, after a scan found `now` in place of `before`.

    Both map relative paths to media files. One whose place has other bytes is read at another place of
    it, or nowhere; one that was lost and is found again is read where it was found.
    """
    source = Source.objects.get(pk=source_id)
    if source.kind != Source.Kind.FOLDER:
        return  # uploads lie under the name of their content
    left = {media: _place(source, path) for path, media in before.items() if now[path] != media}
    found: dict[int, str] = {media: _place(source, path) for path, media in now.items()}
    media_files = MediaFile.objects.filter(pk__in=left.keys() | found.keys())
    for media, place in media_files.values_list("pk", "path"):
        if place == left.get(media) and place != found.get(media):
            fresh = _other_place(media) or place + REPLACED
        elif place != found.get(media, place) and not text_to_path(place).exists():
            fresh = found[media]
        else:
            continue
        MediaFile.objects.filter(pk=media).update(path=fresh)


def _other_place(media: int) -> str:
    paths = MediaPath.objects.filter(media_file=media, source__kind=Source.Kind.FOLDER)
    for path in paths.select_related("source"):
        if text_to_path(place := place_of(path)).exists():
            return place
    return ""


def _place(source: Source, relative_path: str) -> str:
    if relative_path.startswith(RAW_NAME) or source.path.startswith(RAW_NAME):
        return path_to_text(str(text_to_path(source.path) / text_to_path(relative_path)))
    return f"{source.path.rstrip('/')}/{relative_path}"
