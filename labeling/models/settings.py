"""What somebody set up for themselves in the grid, so that they find it on another machine."""

from django.conf import settings
from django.db import models


class GridSettings(models.Model):
    """One person's keys and size of tiles, of every corpus; what was written last holds."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="grid_settings"
    )
    keys = models.JSONField(null=True, help_text="Action -> its keys, where changed; null: never set.")
    tile_px = models.IntegerField(null=True, help_text="Least width of a tile; null: never set.")
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"grid of {self.user_id}"
