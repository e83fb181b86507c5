"""Media files as people handle them: take one out of the corpus, put it back."""

from django.db import transaction
from django.db.models.functions import Now

from indexing.models import Item, MediaFile


def delete_media(media_file: MediaFile) -> None:
    """Take a file and its items out of the corpus; its bytes, thumbnails and verdicts stay."""
    with transaction.atomic():
        MediaFile.objects.filter(pk=media_file.pk, deleted_at=None).update(deleted_at=Now())
        Item.objects.filter(media_file=media_file, deleted_at=None).update(deleted_at=Now())
    media_file.refresh_from_db()
