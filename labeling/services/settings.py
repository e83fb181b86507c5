"""What somebody set up for themselves in the grid: kept for them on the server, the last write holds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from labeling.models import GridSettings
from sisyphus_web.accounts.models import User

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
Action = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}$")]
Keys = Annotated[dict[Action, Annotated[list[Key], msgspec.Meta(max_length=8)]], msgspec.Meta(max_length=100)]


class Settings(msgspec.Struct, kw_only=True):
    """null: never set, so what the browser has holds."""

    keys: Keys | None = None  # the actions whose keys were changed; none in the list: it has no key
    tile_px: Annotated[int, msgspec.Meta(ge=40, le=1000)] | None = None


class Change(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    keys: Keys | msgspec.UnsetType = msgspec.UNSET
    tile_px: Annotated[int, msgspec.Meta(ge=40, le=1000)] | msgspec.UnsetType = msgspec.UNSET


def settings_of(user: User) -> Settings:
    """The person's own; empty where they have set nothing."""
    found = GridSettings.objects.filter(user=user).values("keys", "tile_px").first()
    return Settings(**found) if found else Settings()


def change_settings(user: User, change: Change) -> Settings:
    """Set what is in `change`; two at once both hold, of the same field the later one."""
    fields = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not msgspec.UNSET
    }
    GridSettings.objects.update_or_create(user=user, defaults=fields)
    return settings_of(user)
