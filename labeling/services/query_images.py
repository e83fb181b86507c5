"""Images someone searches with: decoded in the limited child, stored re-encoded and small."""

import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from PIL import Image

from indexing.compute.decoder import Decoder
from indexing.compute.files import write_beside
from labeling.models import QueryImage, QueryRound
from sisyphus_web.accounts.models import Corpus, User

MAX_BYTES = 20 * 2**20
MAX_SIDE_PX = 1024  # every encoder looks at less
QUALITY = 92
KEPT = timedelta(days=30)  # since it was last searched with
PRIVATE = ".in-"  # how the folders begin that bytes lie in while they are decoded
DECODED_WITHIN_SECONDS = 3600


def add_query_image(*, corpus: Corpus, data: bytes, name: str = "", by: User) -> QueryImage:
    """Store the picture in `data`; MediaRefused with a sentence where there is none.

    Its bytes are never kept: what is stored is upright, opaque, at most 1024 px and without metadata.
    """
    folder = Path(settings.DATA_DIR) / "query_images"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PRIVATE, dir=folder) as private:
        given = Path(private) / "image"
        given.write_bytes(data)
        with Decoder() as decoder:
            picture = decoder.image(given)
    image = Image.fromarray(picture.pixels)
    image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    made = QueryImage(
        corpus=corpus, created_by=by, name=_display(name), width_px=image.width, height_px=image.height
    )
    with write_beside(path_of(made)) as out:
        image.save(out, "JPEG", quality=QUALITY)
    made.save(force_insert=True)
    return made


def remove_old() -> int:
    """Forget images that nobody has searched with for a month, with their files; how many.

    Rankings that were made with one stay in the history; opened again, they say that it is gone.
    """
    limit = timezone.now() - KEPT
    num_removed = 0
    for image in QueryImage.objects.filter(created_at__lt=limit):
        rounds = QueryRound.objects.filter(corpus=image.corpus_id, created_at__gte=limit)
        if rounds.filter(terms__contains=[{"image": str(image.pk)}]).exists():
            continue
        path_of(image).unlink(missing_ok=True)
        image.delete()
        num_removed += 1
    for left in (Path(settings.DATA_DIR) / "query_images").glob(f"{PRIVATE}*"):
        if left.stat().st_mtime < time.time() - DECODED_WITHIN_SECONDS:  # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
    return num_removed


def path_of(image: QueryImage) -> Path:
    """Where its JPEG is; the name is its id, never what it was called."""
    return Path(settings.DATA_DIR) / "query_images" / f"{image.pk}.jpg"


def _display(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:400]
