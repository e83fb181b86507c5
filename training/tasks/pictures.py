"""Pictures of items for networks: decoded in the limited child, as their features were."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from indexing.models import Item
from indexing.services.pictures import Decoded, decoded_items

if TYPE_CHECKING:
    import numpy as np


class ItemPictures:
    """Decodes items by their ids; a context manager, leaving it ends the child. For one thread."""

    def __enter__(self) -> Self:
        from indexing.compute.decoder import Decoder

        self._decoder = Decoder()
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def of_items(self, item_ids: Sequence[int], side_px: int | None) -> Iterator[Decoded]:
        """The picture of every one of them, or why there is none, media file by media file."""
        wanted = Item.objects.live().filter(pk__in=item_ids).select_related("media_file")
        items = list(wanted.order_by("media_file", "pk"))
        yield from decoded_items(items, side_px, self._decoder)
        for item_id in sorted(set(item_ids) - {item.pk for item in items}):
            yield Decoded(item_id, None, "it was deleted")

    def sources(self, item_ids: Sequence[int], side_px: int | None) -> list[Callable[[], np.ndarray]]:
        """For each of them what gives its picture when it is called; MediaRefused where there is none."""
        items = {item.pk: item for item in Item.objects.filter(pk__in=item_ids).select_related("media_file")}
        return [self._source(items[item_id], side_px) for item_id in item_ids]

    def _source(self, item: Item, side_px: int | None) -> Callable[[], np.ndarray]:
        def read() -> np.ndarray:
            from indexing.compute.media_facts import MediaRefused

            (decoded,) = decoded_items([item], side_px, self._decoder)
            if decoded.pixels is None:
                raise MediaRefused("unreadable", decoded.reason)
            return decoded.pixels

        return read
