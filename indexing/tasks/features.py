"""The job features_extract: pictures of items in, shards of a feature set out; then tiles of frames."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from celery import shared_task
from django.conf import settings

from indexing.compute.regions import MAX_GRID, TILE_SLOTS, WHOLE, cut_tiles
from indexing.models import FeatureSet, IndexingSettings, Item, Unit
from indexing.querysets import ItemQuerySet
from indexing.services import features as services
from indexing.services.clip_pictures import decoded_clips
from indexing.services.pictures import Decoded, decoded_items
from indexing.services.sources import indexing_settings
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import GpuOutOfMemory
from sisyphus_web.jobs.models import Job
from sisyphus_web.jobs.params import ExtractFeatures
from sisyphus_web.jobs.registry import params_of

if TYPE_CHECKING:
    import numpy as np

    from indexing.compute.decoder import Decoder
    from indexing.compute.encoders import Encoder
    from indexing.compute.encoders.video.clip_encoder import ClipEncoder
    from sisyphus_web.accounts.models import Corpus

log = logging.getLogger(__name__)

ITEMS_PER_QUERY = 2000
ROWS_PER_SHARD = 2000
SECONDS_PER_SHARD = 8.0  # what a killed worker loses at most
PICTURES_PER_BATCH = 32
CLIPS_PER_BATCH = 8
BYTES_PER_BATCH = 256 * 2**20  # of pixels: pictures at their own size are large
FAILURES_LOGGED = 50


@shared_task(name="indexing.extract_features", ignore_result=True)
def extract_features(job_id: int) -> None:
    """Encode the corpus's items that have no feature yet, then the tiles of frames where they are asked for.

    Of frames, or of clips: as the job says. Safe to run twice, stop half-way, continue.
    """
    from indexing.compute.decoder import Decoder

    with jobs.running(job_id) as job:
        if job is None:
            return
        params = params_of(job.params, ExtractFeatures)
        encoder, feature_set = _prepare(job, params)
        with Decoder() as decoder:
            works = [_Work(job, feature_set, encoder)]
            if _has_tiles(feature_set):
                works.append(_Work(job, feature_set, encoder, has_tiles=True))
            for work in works:
                work.run(decoder)
        with jobs.finishing(job):
            if params.activate:
                services.switch_to(feature_set)
            job.result = {
                "feature_set": feature_set.pk,
                "encoder": encoder.key,
                "precision": encoder.precision,
                "new": works[0].num_encoded,
                "failed": works[0].num_failed,
            }
            if len(works) > 1:
                job.result |= {"new_tiled": works[1].num_encoded, "failed_tiled": works[1].num_failed}


def _prepare(job: Job, params: ExtractFeatures) -> tuple[Encoder | ClipEncoder, FeatureSet]:
    """The encoder that is asked for, loaded, and the set its features go to."""
    from indexing.compute import encoders

    corpus = job.corpus
    if corpus is None:
        raise LookupError(f"job {job.pk} has no corpus")
    key = services.key_to_extract(corpus, params.encoder, unit=params.unit)
    # The set in use goes on in the precision it began with: two are never mixed.
    used = services.active_set(corpus, params.unit)
    goes_on = used is not None and used.encoder == key and not params.activate
    jobs.report(job, note=f"Loading {key}", force=True)

    def on_progress(done: int, total: int) -> None:
        of_all = f" of {total / 2**20:.0f}" if total else ""
        jobs.report(job, note=f"Fetching the weights of {key}: {done / 2**20:.0f}{of_all} MiB")

    load = _clip_loader() if params.unit == Unit.CLIP else encoders.load
    try:
        encoder = load(
            key,
            device=settings.DEVICE,
            model_dir=settings.MODEL_DIR,
            on_progress=on_progress,
            precision=used.precision if used is not None and goes_on else None,
        )
    except (encoders.EncoderUnknown, encoders.WeightsMissing, encoders.WeightsRefused) as error:
        raise services.EncoderNotUsable(str(error)) from error
    if used is not None and goes_on and used.weights_sha256 != encoder.weights_sha256:
        raise services.WeightsChanged(
            f"The weights of {key} have changed since its features were made. Put the old file back, or "
            "extract a new feature set from the corpus's page"
        )
    jobs.log(job, f"Encoder {key}: {encoder.engine}, {encoder.precision}, {encoder.width} numbers an item")
    feature_set = services.get_or_create_feature_set(
        corpus,
        encoder=key,
        weights_sha256=encoder.weights_sha256,
        precision=encoder.precision,
        width=encoder.width,
        unit=params.unit,
        clip_frames_per_second=_density(corpus, params, used if goes_on else None),
    )
    return encoder, feature_set


def _has_tiles(feature_set: FeatureSet) -> bool:
    regions = indexing_settings(feature_set.corpus).regions
    return feature_set.unit == Unit.FRAME and regions == IndexingSettings.Regions.TILES


def _clip_loader() -> Callable[..., Any]:
    from indexing.compute.encoders.video.clip_loading import load_clips

    return load_clips


def _density(corpus: Corpus, params: ExtractFeatures, used: FeatureSet | None) -> float:
    """How densely frames of clips are taken: as the set that goes on began, else as the settings say."""
    if params.unit == Unit.FRAME:
        return 0.0
    return used.clip_frames_per_second if used else indexing_settings(corpus).clip_frames_per_second


class _Work:
    """What a set lacks of one kind, whole items, tiles of frames or clips, to be encoded shard by shard."""

    def __init__(
        self,
        job: Job,
        feature_set: FeatureSet,
        encoder: Encoder | ClipEncoder,
        *,
        has_tiles: bool = False,
    ) -> None:
        self._job, self._feature_set, self._encoder, self._has_tiles = job, feature_set, encoder, has_tiles
        self._shard = _Shard(job, feature_set, encoder)
        self.num_failed = 0

    @property
    def num_encoded(self) -> int:
        """Items that have a feature, or tiles, by this work."""
        return self._shard.num_encoded

    def run(self, decoder: Decoder) -> None:
        """Encode everything that is missing; an item that fails is logged and left out."""
        from indexing.compute.ahead import ahead

        job = self._job
        unit = "frames in tiles" if self._has_tiles else "clips" if self._are_clips else "items"
        total = self._live().count()
        before = total - self._todo().count()
        jobs.report(job, units_done=before, units_total=total, unit=unit, note="", force=True)
        for page in self._missing():
            # The thread decodes only: the database is this thread's.
            with ahead(self._decoded(page, decoder), self._shard.batch) as pictures:
                for decoded in pictures:
                    self._take(decoded)
                    jobs.report(job, units_done=before + self.num_encoded + self.num_failed)
        self._shard.close()
        jobs.report(job, units_done=before + self.num_encoded + self.num_failed, force=True)

    def _take(self, decoded: Decoded) -> None:
        if decoded.pixels is None:
            self.num_failed += 1
            if self.num_failed <= FAILURES_LOGGED:
                what = "no tiles" if self._has_tiles else "no feature"
                jobs.log(self._job, f"Item {decoded.item_id} has {what}: {decoded.reason}", "warning")
        elif self._has_tiles:
            self._shard.add(decoded.item_id, cut_tiles(decoded.pixels), TILE_SLOTS)
        else:
            self._shard.add(decoded.item_id, [decoded.pixels], (WHOLE,))

    def _live(self) -> ItemQuerySet:
        live = Item.objects.live().filter(corpus_id=self._feature_set.corpus_id)
        live = live.of_unit(self._feature_set.unit)
        return live.whole_frames() if self._has_tiles else live

    def _todo(self) -> ItemQuerySet:
        live = self._live()
        if self._has_tiles:
            return live.without_tiles(self._feature_set)
        return live.without_features(self._feature_set)

    def _missing(self) -> Iterator[list[Item]]:
        """What is to do, page by page; an item comes once, even if it fails."""
        todo = self._todo().select_related("media_file").order_by("id")
        last = 0
        while page := list(todo.filter(id__gt=last)[:ITEMS_PER_QUERY]):
            last = page[-1].pk
            yield page

    @property
    def _are_clips(self) -> bool:
        return self._feature_set.unit == Unit.CLIP

    def _decoded(self, page: list[Item], decoder: Decoder) -> Iterator[Decoded]:
        if not self._are_clips:
            return decoded_items(page, self._side_px(), decoder)
        encoder: Any = self._encoder
        page.sort(key=lambda item: item.media_file_id)
        density = self._feature_set.clip_frames_per_second
        return decoded_clips(page, encoder, decoder, frames_per_second=density)

    def _side_px(self) -> int | None:
        """The least side a whole frame may be decoded at; None: its own."""
        side_px = self._encoder.decode_side_px
        return side_px * MAX_GRID if side_px is not None and self._has_tiles else side_px


class _Shard:
    """Pictures on their way to a shard: encoded in batches, stored before they are too many or too old.

    What is of one item is stored together.
    """

    def __init__(self, job: Job, feature_set: FeatureSet, encoder: Encoder | ClipEncoder) -> None:
        self.num_encoded = 0
        self.batch = CLIPS_PER_BATCH if feature_set.unit == Unit.CLIP else PICTURES_PER_BATCH
        self._job, self._feature_set, self._encoder = job, feature_set, encoder
        self._places: list[tuple[int, int]] = []  # item and slot, of the batch
        self._pictures: list[np.ndarray] = []
        self._parts: list[tuple[list[tuple[int, int]], np.ndarray]] = []  # encoded, not stored
        self._begun = time.monotonic()

    def add(self, item_id: int, pictures: Sequence[np.ndarray], slots: Sequence[int]) -> None:
        """Take the pictures of one more item; encode and store when it is time."""
        self._places.extend((item_id, slot) for slot in slots)
        self._pictures.extend(pictures)
        num_bytes = sum(picture.nbytes for picture in self._pictures)
        if len(self._pictures) >= self.batch or num_bytes >= BYTES_PER_BATCH:
            self._encode()
            num_rows = sum(len(places) for places, _ in self._parts)
            if num_rows >= ROWS_PER_SHARD or time.monotonic() - self._begun > SECONDS_PER_SHARD:
                self._store()

    def close(self) -> None:
        """Encode and store what is left."""
        if self._pictures:
            self._encode()
        if self._parts:
            self._store()

    def _encode(self) -> None:
        try:
            vectors = self._encoder.encode(self._pictures)
        except RuntimeError as error:  # torch's OutOfMemoryError is one; torch need not be there to say so
            if "out of memory" in str(error) and "CUDA" in str(error):
                raise GpuOutOfMemory(str(error).splitlines()[0]) from error
            raise
        self._parts.append((self._places, vectors))
        self.num_encoded += len({item_id for item_id, _ in self._places})
        self._places, self._pictures = [], []

    def _store(self) -> None:
        import numpy as np

        from indexing.compute.features import Features
        from indexing.services.intake import check_space

        check_space()
        places = np.array([place for part, _ in self._parts for place in part], np.int64)
        vectors = np.concatenate([part for _, part in self._parts])
        features = Features(vectors, places[:, 0], self._encoder.key, places[:, 1].astype(np.int16))
        services.store_features(self._job, self._feature_set, features)
        self._parts, self._begun = [], time.monotonic()
