"""Labels of somebody else, taken in."""

import uuid

from django.conf import settings
from django.db import models

from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs.models import Job


class LabelImport(models.Model):
    """A file or folder of labels: looked through, taken in as one batch, and perhaps taken back.

    Every step is a job. `preview` and `counts` say how many lines were or would be taken, skipped and
    rejected, by reason: {"lines": 12, "taken": 9, "skipped": {"said-already": 2}, "rejected": {...}, ...}.
    """

    class Format(models.TextChoices):
        IMAGE_FOLDER = "image_folder", "ImageFolder"
        COCO = "coco", "COCO JSON"
        YOLO = "yolo", "YOLO"
        VOC = "voc", "Pascal VOC"
        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSONL"
        PARQUET = "parquet", "Parquet"
        ACTIVITYNET = "activitynet", "ActivityNet JSON (spans)"

    class Boxes(models.TextChoices):
        REGIONS = "regions", "Boxes are regions"
        FRAMES = "frames", "A box says what is in the frame"

    class State(models.TextChoices):
        NEW = "new"
        PREVIEWED = "previewed"
        TAKEN = "taken"
        UNDONE = "undone"

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="label_imports")
    name = models.CharField(max_length=400, help_text="Display text: what it was given as.")
    path = models.CharField(max_length=4096, help_text="Where it lies on the server.")
    is_kept = models.BooleanField(default=False, help_text="It lies in a folder of ours, by its upload.")
    format = models.CharField(max_length=16, choices=Format, blank=True, default="")  # '' = by its looks
    as_weak = models.BooleanField(default=False)
    boxes = models.CharField(max_length=8, choices=Boxes, default=Boxes.REGIONS)
    state = models.CharField(max_length=9, choices=State, default=State.NEW)
    sha256 = models.CharField(max_length=64, blank=True, default="", help_text="Of what was read.")
    batch = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    preview = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")  # the last step's
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["corpus", "-id"], name="label_import_of_corpus")]  # the page

    def __str__(self) -> str:
        return self.name

    @property
    def can_be_undone(self) -> bool:
        """Whether it took something, or a step that was cut off may have, and none is at work."""
        job = self.job
        if job is None:
            return self.state == self.State.TAKEN
        is_cut_off = job.params.get("step") in ("take", "undo") and job.status != Job.Status.DONE
        return job.is_final and (self.state == self.State.TAKEN or is_cut_off)
