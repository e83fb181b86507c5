"""How many items of a class have which answer, kept as changes whose sum is the count."""

from django.db import models

from labeling.models.classes import LabelClass


class CountChange(models.Model):
    """What one statement changed. Nobody waits for anybody: each adds a row; now and then rows become one.

    Written by the triggers of CurrentVerdict, whoever writes there. Of every decided item, deleted or not.
    """

    label_class = models.ForeignKey(
        LabelClass, on_delete=models.CASCADE, related_name="count_changes", db_index=False
    )
    accepted = models.IntegerField()
    rejected = models.IntegerField()
    unsure = models.IntegerField()
    disputed = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["label_class", "id"], name="count_change_of_class")]  # the sum

    def __str__(self) -> str:
        return f"{self.accepted:+} {self.rejected:+} {self.unsure:+}"
