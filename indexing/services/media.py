"""Media files as people handle them: take one out of the corpus, put it back."""

from django.db import transaction
from django.utils import timezone

from indexing.models import Item, MediaFile


def delete_media(media_file: MediaFile) -> None:
    """Take a file and its items out of the corpus; its bytes, thumbnails and verdicts stay."""
    at = timezone.now()  # one time for both: it tells which items left with their file
    with transaction.atomic():
        MediaFile.objects.filter(pk=media_file.pk, deleted_at=None).update(deleted_at=at)
        Item.objects.filter(media_file=media_file, deleted_at=None).update(deleted_at=at)
    media_file.refresh_from_db()
