"""Who has which tile in front of them now."""

from django.conf import settings
from django.db import models

from labeling.models.classes import LabelClass
from sisyphus_web.accounts.models import Corpus


class Lease(models.Model):
    """A tile of one class, held by one annotator until `expires_at`: nobody else is served it meanwhile.

    Not a truth, a courtesy: an answer without a lease is as good as one with it, and a lost row costs at
    worst a conflict. The database's clock counts.
    """

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="leases")
    label_class = models.ForeignKey(LabelClass, on_delete=models.CASCADE, related_name="leases")
    tile = models.BigIntegerField(help_text="A stack, or minus the id of an item in none.")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="leases")
    page = models.CharField(max_length=36, blank=True, default="", help_text="The open page that shows it.")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["label_class", "tile"], name="lease_is_of_one_holder")]
        indexes = [
            # release: what this page holds
            models.Index(fields=["annotator", "label_class"], name="lease_of_annotator"),
        ]

    def __str__(self) -> str:
        return f"tile {self.tile} until {self.expires_at}"
