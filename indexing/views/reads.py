"""What the pages of a corpus show, as querysets: covers, counts, the media table."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest

from indexing.models import FeatureIndex, FeatureSet, FeatureShard, Item, MediaFile, Stack
from sisyphus_web.accounts.models import Corpus, Membership, User
from sisyphus_web.jobs.models import Job

COVERS = 4


def _number_of(rows: QuerySet[Any], of: str = "corpus") -> Coalesce:
    """How many `rows` belong to the outer row, without joining them."""
    counted = rows.filter(**{of: OuterRef("pk")}).order_by().values(of).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))


def covers_of(media: QuerySet[MediaFile]) -> QuerySet[MediaFile]:
    """`media` with `cover`: the first item that has a thumbnail, or None."""
    first = Item.objects.live().filter(media_file=OuterRef("pk"), thumbnail_pack__isnull=False)
    return media.annotate(cover=Subquery(first.order_by("start_pts").values("pk")[:1]))


def corpora_for_home(user: User) -> QuerySet[Corpus]:
    """The corpora of `user`, last used first, with their counts and the ids of four items as covers."""
    pictured = covers_of(MediaFile.objects.live().filter(corpus=OuterRef("pk"))).exclude(cover=None)
    mine = Membership.objects.filter(corpus=OuterRef("pk"), user=user)
    newest_job = Job.objects.filter(corpus=OuterRef("pk")).order_by("-id").values("created_at")[:1]
    return (
        Corpus.objects.visible_to(user)
        .annotate(
            role=Subquery(mine.values("role")[:1]),
            num_media=_number_of(MediaFile.objects.live()),
            num_videos=_number_of(MediaFile.objects.live().filter(kind="video")),
            num_refused=_number_of(MediaFile.objects.live().filter(state="refused")),
            num_items=_number_of(Item.objects.live()),
            num_stacks=_number_of(Stack.objects.all()),
            num_active_jobs=_number_of(Job.objects.unfinished()),
            encoder=Subquery(
                FeatureSet.objects.filter(corpus=OuterRef("pk"), is_active=True)
                .order_by("-unit")
                .values("encoder")[:1]
            ),
            covers=ArraySubquery(pictured.order_by("-id").values("cover")[:COVERS]),
            last_active_at=Greatest(F("created_at"), Subquery(newest_job)),
        )
        .order_by("-last_active_at")
    )


def media_table(corpus_id: int, *, state: str, kind: str, words: str) -> QuerySet[MediaFile]:
    """The live media files, newest first, with `cover` and `num_items`; empty filters pass all."""
    media = MediaFile.objects.live().filter(corpus=corpus_id)
    if state in MediaFile.State.values:
        media = media.filter(state=state)
    if kind in MediaFile.Kind.values:
        media = media.filter(kind=kind)
    if words:
        media = media.filter(Q(name__icontains=words) | Q(sha256__startswith=words.lower()))
    return covers_of(media).annotate(num_items=_number_of(Item.objects.live(), "media_file")).order_by("-id")


def totals_of(corpus_id: int) -> dict[str, Any]:
    """Counts of one corpus: media files by state, items, stacks, seconds of video, bytes."""
    of_media = (
        MediaFile.objects.live()
        .filter(corpus=corpus_id)
        .aggregate(
            media=Count("pk"),
            videos=Count("pk", filter=Q(kind="video")),
            images=Count("pk", filter=Q(kind="image")),
            done=Count("pk", filter=Q(state="done")),
            partial=Count("pk", filter=Q(state="partial")),
            refused=Count("pk", filter=Q(state="refused")),
            pending=Count("pk", filter=Q(state="pending")),
            seconds=Sum("duration_seconds"),
            bytes=Sum("size_bytes"),
        )
    )
    items = Item.objects.live().filter(corpus=corpus_id).count()
    return of_media | {"items": items, "stacks": Stack.objects.filter(corpus=corpus_id).count()}


def feature_sets_of(corpus_id: int) -> QuerySet[FeatureSet]:
    """The feature sets of a corpus, the one in use first, with rows, tiles and the newest shard."""
    every = FeatureShard.objects.filter(feature_set=OuterRef("pk")).order_by()
    shards = every.filter(has_regions=False).values("feature_set")
    tiles = every.filter(has_regions=True).values("feature_set")
    return (
        FeatureSet.objects.filter(corpus=corpus_id)
        .annotate(
            num_rows=Coalesce(Subquery(shards.annotate(n=Sum("num_rows")).values("n")), Value(0)),
            num_tiles=Coalesce(Subquery(tiles.annotate(n=Sum("num_rows")).values("n")), Value(0)),
            newest_shard=Subquery(shards.annotate(n=Max("pk")).values("n")),
        )
        .order_by("-is_active", "-id")
    )


def builds_of(corpus_id: int) -> QuerySet[FeatureIndex]:
    """The newest ten builds of a corpus, the published one first."""
    return (
        FeatureIndex.objects.filter(feature_set__corpus=corpus_id)
        .select_related("feature_set")
        .order_by("-is_published", "-created_at")[:10]
    )
