"""Dataset versions written for download."""

from django.conf import settings
from django.db import models

from labeling.models.datasets import DatasetVersion
from sisyphus_web.jobs.models import Job


class Export(models.Model):
    """A dataset version written in one format, for download."""

    class Format(models.TextChoices):
        IMAGE_FOLDER = "image_folder", "ImageFolder (zip)"
        COCO = "coco", "COCO JSON"
        YOLO = "yolo", "YOLO (zip)"
        VOC = "voc", "Pascal VOC (zip)"
        CSV = "csv", "CSV"
        JSONL = "jsonl", "JSONL"
        PARQUET = "parquet", "Parquet"
        WEBDATASET = "webdataset", "WebDataset (tar)"
        FIFTYONE = "fiftyone", "FiftyOne (zip)"
        HUGGINGFACE = "huggingface", "Hugging Face (zip)"
        SPANS_CSV = "spans_csv", "Spans, CSV"
        ACTIVITYNET = "activitynet", "Spans, ActivityNet JSON"

    class ImageFormat(models.TextChoices):
        JPEG = "jpeg", "JPEG, quality 95"
        PNG = "png", "PNG"

    class ClipFormat(models.TextChoices):
        H264 = "h264", "mp4, H.264"
        COPY = "copy", "mp4, copied where key frames allow"
        LOSSLESS = "lossless", "mp4, every value of every pixel kept"

    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="exports")
    format = models.CharField(max_length=16, choices=Format)
    with_pixels = models.BooleanField(default=True)
    image_format = models.CharField(max_length=4, choices=ImageFormat, default=ImageFormat.JPEG)
    clip_format = models.CharField(
        max_length=8, choices=ClipFormat, default=ClipFormat.H264, help_text="Of a version of clips."
    )
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    file_name = models.CharField(max_length=200, blank=True, default="")
    size_bytes = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(
        max_length=64, blank=True, default="", help_text="Empty until the file is there."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.format} of {self.dataset_version_id}"
