"""What somebody put off: out of their way until the end of a ranking. Not a verdict."""

from django.conf import settings
from django.db import models

from labeling.models.classes import LabelClass
from sisyphus_web.accounts.models import Corpus


class PutOff(models.Model):
    """A tile of one class that its annotator will look at later; it says nothing about what is on it.

    An answer does not take the row away: undone, the tile is put off again.
    """

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="put_off")
    label_class = models.ForeignKey(
        LabelClass, on_delete=models.CASCADE, related_name="put_off", db_index=False
    )
    tile = models.BigIntegerField(help_text="A stack, or minus the id of an item in none.")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="put_off")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["label_class", "annotator", "tile"], name="tile_is_put_off_once_per_annotator"
            )
        ]

    def __str__(self) -> str:
        return f"tile {self.tile} later"
