"""Addresses of what tiles show."""

from collections.abc import Sequence

from django.urls import reverse

from labeling.services.tiles import Tile
from sisyphus_web.accounts.models import Corpus

ANY = 9_999_999_999  # stands for an item's id: one look-up of the route instead of one per tile


def with_thumbnails(corpus: Corpus, tiles: Sequence[Tile]) -> None:
    """Write the address of its thumbnail into every tile."""
    pattern = reverse("api:item-thumbnail", args=[corpus.pk, ANY])
    before, after = pattern.rsplit(str(ANY), 1)
    for tile in tiles:
        tile.thumbnail = f"{before}{tile.item}{after}"
