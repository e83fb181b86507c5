"""Pictures of items for networks: decoded in the limited child, as their features were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from indexing.compute.files import sha256_of, text_to_path
from indexing.models import Item, MediaFile
from indexing.services.pictures import Decoded, decoded_items

if TYPE_CHECKING:
    import numpy as np

MAX_REMEMBERED = 200_000  # media files whose bytes are not read again, some 20 MB of memory
OTHER_BYTES = "Its file holds other bytes than when it was answered. Bring the old file back."


class ItemPictures:
    """Decodes items by their ids; a context manager, leaving it ends the child. For one thread.

    A file that was written over since it was taken in gives no picture: what was answered is no longer there.
    """

    def __enter__(self) -> Self:
        from indexing.compute.decoder import Decoder

        self._decoder = Decoder()
        self._is_replaced: dict[int, bool] = {}
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def of_items(self, item_ids: Sequence[int], side_px: int | None) -> Iterator[Decoded]:
        """The picture of every one of them, or why there is none, media file by media file."""
        wanted = Item.objects.live().filter(pk__in=item_ids).select_related("media_file")
        items = list(wanted.order_by("media_file", "pk"))
        same = [item for item in items if not self._has_other_bytes(item.media_file)]
        yield from decoded_items(same, side_px, self._decoder)
        for item_id in sorted({item.pk for item in items} - {item.pk for item in same}):
            yield Decoded(item_id, None, OTHER_BYTES)
        for item_id in sorted(set(item_ids) - {item.pk for item in items}):
            yield Decoded(item_id, None, "it was deleted")

    def sources(self, item_ids: Sequence[int], side_px: int | None) -> list[Callable[[], np.ndarray]]:
        """For each of them what gives its picture when it is called; MediaRefused where there is none."""
        items = {item.pk: item for item in Item.objects.filter(pk__in=item_ids).select_related("media_file")}
        return [self._source(items[item_id], side_px) for item_id in item_ids]

    def names(self, item_ids: Sequence[int]) -> list[str]:
        """What people know each of them by: its media file and its number."""
        found = Item.objects.filter(pk__in=item_ids).values_list("pk", "media_file__name")
        name_of = dict(found)
        return [f"{name_of.get(item_id, 'deleted')} (item {item_id})" for item_id in item_ids]

    def _has_other_bytes(self, media_file: MediaFile) -> bool:
        """Whether a file lies there that is not the one taken in; of one that is gone the decoder tells."""
        known = self._is_replaced.get(media_file.pk)
        if known is None:
            if len(self._is_replaced) >= MAX_REMEMBERED:
                self._is_replaced.clear()
            path = text_to_path(media_file.path)
            try:
                known = path.stat().st_size != media_file.size_bytes or sha256_of(path) != media_file.sha256
            except OSError:
                known = False
            self._is_replaced[media_file.pk] = known
        return known

    def _source(self, item: Item, side_px: int | None) -> Callable[[], np.ndarray]:
        def read() -> np.ndarray:
            from indexing.compute.media_facts import MediaRefused

            if self._has_other_bytes(item.media_file):
                raise MediaRefused("unreadable", OTHER_BYTES)
            (decoded,) = decoded_items([item], side_px, self._decoder)
            if decoded.pixels is None:
                raise MediaRefused("unreadable", decoded.reason)
            return decoded.pixels

        return read
