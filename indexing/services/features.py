"""Feature sets: which one a corpus uses, what is still to encode, and the rows of finished shards."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from indexing.compute.encoders import catalog
from indexing.compute.encoders.specs import KEY, EncoderState, EncoderUnknown, WeightsRefused
from indexing.compute.encoders.video import clip_catalog
from indexing.compute.features import Features, write_shard
from indexing.compute.regions import FIRST_TILE, WHOLE
from indexing.models import FeatureRow, FeatureSet, FeatureShard, Item, Unit
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import JobError, Stopped
from sisyphus_web.jobs.models import Job

AUTO = "auto"


class EncoderNotUsable(JobError):
    """The encoder asked for is unknown, or its weights are missing or refused."""

    code = "encoder-not-usable"


class WeightsChanged(JobError):
    """The weights of the encoder are not the ones the feature set was made with."""

    code = "weights-changed"


class FeatureSetIncomplete(JobError):
    """The feature set does not have every item yet, so queries would miss some."""

    code = "feature-set-incomplete"


def start_extract(
    corpus: Corpus,
    *,
    encoder: str = AUTO,
    created_by: User | None,
    after: Sequence[Job] = (),
    activate: bool = False,
    unit: str = Unit.FRAME,
) -> Job:
    """Enqueue the encoding of every item without a feature; `activate`: queries use the set when it is done.

    Refused at once when `encoder` is unknown or needs weights that nobody can fetch.
    """
    if encoder != AUTO:
        check_encoder(encoder, unit=unit)
    return jobs.enqueue(
        "features_extract",
        corpus=corpus,
        created_by=created_by,
        after=after,
        encoder=encoder,
        activate=activate,
        **of_unit(unit),
    )


def start_switch(corpus: Corpus, *, encoder: str, created_by: User, unit: str = Unit.FRAME) -> Job:
    """Enqueue a change of encoder: extract, use the set, then stacks and an index of it; the first job."""
    with transaction.atomic():
        first = start_extract(corpus, encoder=encoder, created_by=created_by, activate=True, unit=unit)
        of_same: dict[str, Any] = {"corpus": corpus, "created_by": created_by, **of_unit(unit)}
        stacks = jobs.enqueue("stacks_build", after=[first], **of_same)
        jobs.enqueue("index_build", after=[stacks], **of_same)
    return first


def of_unit(unit: str) -> dict[str, Any]:
    """The param of a job that is about clips; of frames, which is usual, none."""
    return {} if unit == Unit.FRAME else {"unit": str(unit)}


def check_encoder(key: str, *, unit: str = Unit.FRAME) -> None:
    """Refuse a key that cannot be loaded: unknown, refused, or without weights and a place to fetch them.

    A name of torchvision or timm is free, a file must be one of the model folder: a path would read, and
    tell, and perhaps run what is none of the caller's. It is refused before anything is opened.
    """
    match = KEY.match(key)
    if match and match["family"] in ("file", "script") and "/" in match["name"]:
        raise EncoderNotUsable(f"{key} must name a file in {settings.MODEL_DIR}")
    state = next((state for state in encoders_of(unit) if state.key == key), None)
    if state is None:
        try:
            state = _state_of(key, unit)
        except (EncoderUnknown, WeightsRefused) as error:
            raise EncoderNotUsable(str(error)) from None
        if not state.is_available:
            raise EncoderNotUsable(state.how_to_get)
    if not state.is_available and not state.can_download:
        raise EncoderNotUsable(f"{key}: {state.reason}. {state.how_to_get}")


def encoders_of(unit: str) -> list[EncoderState]:
    """Every encoder of this site for frames, or for clips, those that cannot be used now included."""
    known = clip_catalog if unit == Unit.CLIP else catalog
    return known.available(settings.MODEL_DIR)


def best_encoder(unit: str) -> str:
    """The key that `auto` stands for now."""
    return (clip_catalog if unit == Unit.CLIP else catalog).best(settings.MODEL_DIR)


def _state_of(key: str, unit: str) -> EncoderState:
    if unit == Unit.CLIP:
        return clip_catalog.state_of(clip_catalog.spec_of(key, settings.MODEL_DIR), settings.MODEL_DIR)
    return catalog.state_of(catalog.spec_of(key, settings.MODEL_DIR), settings.MODEL_DIR)


def active_set(corpus: Corpus, unit: str = Unit.FRAME) -> FeatureSet | None:
    """The feature set that queries of a unit of the corpus use."""
    return corpus.feature_sets.filter(is_active=True, unit=unit).first()


def units_of(corpus: Corpus) -> list[str]:
    """What of the corpus can be searched: frames, clips, both or nothing yet; frames first."""
    there = set(corpus.feature_sets.filter(is_active=True).values_list("unit", flat=True))
    return [unit for unit in Unit.values if unit in there]


def key_to_extract(corpus: Corpus, asked: str, *, unit: str = Unit.FRAME) -> str:
    """The encoder key that `asked` stands for here.

    `auto` goes on with the set in use, so that new media are found by the same queries; a corpus without one
    takes the encoder of its settings, or else the best that is available.
    """
    if asked != AUTO:
        return asked
    if (used := active_set(corpus, unit)) is not None:
        return used.encoder
    chosen = getattr(corpus, "indexing_settings", None)
    wanted = AUTO if chosen is None else chosen.encoder if unit == Unit.FRAME else chosen.clip_encoder
    if wanted != AUTO:
        return wanted
    return best_encoder(unit)


def get_or_create_feature_set(
    corpus: Corpus,
    *,
    encoder: str,
    weights_sha256: str,
    precision: str,
    width: int,
    unit: str = Unit.FRAME,
    clip_frames_per_second: float = 0.0,
) -> FeatureSet:
    """The set of exactly this encoder, weights and precision; the first of a unit is the one in use."""
    with transaction.atomic():
        Corpus.objects.select_for_update(no_key=True).get(pk=corpus.pk)  # two jobs may be first together
        made, _ = FeatureSet.objects.get_or_create(
            corpus=corpus,
            unit=unit,
            encoder=encoder,
            weights_sha256=weights_sha256,
            precision=precision,
            clip_frames_per_second=clip_frames_per_second,
            defaults={"width": width, "is_active": active_set(corpus, unit) is None},
        )
    if made.width != width:
        raise WeightsChanged(f"{encoder} gives {width} numbers, its feature set has {made.width}")
    return made


def shard_folder(feature_set: FeatureSet) -> Path:
    """Where the shards of a feature set lie."""
    return settings.DATA_DIR / "features" / str(feature_set.pk)


def store_features(job: Job, feature_set: FeatureSet, features: Features) -> FeatureShard | None:
    """Keep `features` for good: the shard's files, then its rows, all or none; Stopped if the job is lost.

    They are of whole items, or all of tiles: every tile of an item, which has one row for all of them. What
    another job has stored meanwhile, of the same media, is left out; None if that is everything.
    """
    with transaction.atomic():
        mine = Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING, attempt=job.attempt)
        if not mine.select_for_update(no_key=True).exists():
            raise Stopped
        FeatureSet.objects.select_for_update(no_key=True).get(pk=feature_set.pk)
        features = _not_stored(feature_set, features)
        if len(features) == 0:
            return None
        files = write_shard(shard_folder(feature_set), features)
        shard = FeatureShard.objects.create(
            feature_set=feature_set, has_regions=bool(features.slots[0] != WHOLE), **files._asdict()
        )
        places = zip(features.item_ids.tolist(), features.slots.tolist(), strict=True)
        FeatureRow.objects.bulk_create(
            FeatureRow(feature_set=feature_set, item_id=item_id, slot=slot, shard=shard, row=row)
            for row, (item_id, slot) in enumerate(places)
            if slot in (WHOLE, FIRST_TILE)
        )
    return shard


def _not_stored(feature_set: FeatureSet, features: Features) -> Features:
    first = FIRST_TILE if len(features) and features.slots[0] != WHOLE else WHOLE
    rows = feature_set.rows.filter(item__in=np.unique(features.item_ids).tolist(), slot=first)
    if not (stored := list(rows.values_list("item_id", flat=True))):
        return features
    kept = ~np.isin(features.item_ids, stored)
    return Features(features.vectors[kept], features.item_ids[kept], features.encoder, features.slots[kept])


def activate_feature_set(feature_set: FeatureSet) -> None:
    """Make queries of its corpus use this set; refused while it lacks items."""
    with transaction.atomic():
        Corpus.objects.select_for_update(no_key=True).get(pk=feature_set.corpus_id)
        lacking = Item.objects.filter(corpus_id=feature_set.corpus_id).without_features(feature_set).count()
        if lacking:
            raise FeatureSetIncomplete(
                f"{feature_set.encoder} has no features of {lacking} items yet; let it extract them first"
            )
        switch_to(feature_set)


def switch_to(feature_set: FeatureSet) -> None:
    """Make queries use this set, complete or not."""
    with transaction.atomic():
        others = FeatureSet.objects.filter(corpus_id=feature_set.corpus_id, unit=feature_set.unit)
        others.filter(is_active=True).exclude(pk=feature_set.pk).update(is_active=False)
        FeatureSet.objects.filter(pk=feature_set.pk).update(is_active=True)
    feature_set.is_active = True


def with_counts(feature_sets: QuerySet[FeatureSet]) -> QuerySet[FeatureSet]:
    """The sets with `num_features` of live items, and `num_items` of their unit in their corpus."""
    rows = FeatureRow.objects.filter(feature_set=OuterRef("pk"), slot=0, item__deleted_at=None)
    items = Item.objects.live().filter(corpus=OuterRef("corpus"))
    num_of = {
        unit: Coalesce(Subquery(_count(items.of_unit(unit), "corpus")), 0) for unit in (Unit.FRAME, Unit.CLIP)
    }
    return feature_sets.annotate(
        num_features=Coalesce(Subquery(_count(rows, "feature_set")), 0),
        num_items=Case(When(unit=Unit.CLIP, then=num_of[Unit.CLIP]), default=num_of[Unit.FRAME]),
    )


def _count(rows: QuerySet, by: str) -> QuerySet:
    return rows.order_by().values(by).annotate(total=Count("pk")).values("total")
