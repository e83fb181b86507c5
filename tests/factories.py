"""One factory per model, with values that look like a real site's: a survey by wildlife cameras."""

import hashlib
import uuid
from datetime import timedelta

import factory
from django.conf import settings
from django.utils import timezone
from factory.django import DjangoModelFactory

from indexing import models as indexing
from labeling import models as labeling
from sisyphus_web.accounts.models import Corpus, Membership, Role, User
from sisyphus_web.jobs.models import Job, JobAttempt, JobEvent, Worker
from training import models as training

PEOPLE = ("ines.marek", "tom.okafor", "lena.voss", "raj.patel", "mina.sato", "paul.brandt")
PLACES = ("north_gate", "river_bank", "depot_3", "main_street", "quarry", "bus_stop_17")


def sha256_of(*parts: object) -> str:
    """A sha256 that is the same for the same parts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        django_get_or_create = ("username",)
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"{PEOPLE[n % len(PEOPLE)]}{n // len(PEOPLE) or ''}")
    password = factory.django.Password("a long word for somebody")


class CorpusFactory(DjangoModelFactory):
    class Meta:
        model = Corpus

    name = factory.Sequence(lambda n: f"Camera survey {n + 1}")
    description = "Six fixed cameras along the river, May to September. We look for otters and their tracks."
    created_by = factory.SubFactory(UserFactory)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    corpus = factory.SubFactory(CorpusFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.ANNOTATOR


class JobFactory(DjangoModelFactory):
    """A job that is done; the traits make the other states."""

    class Meta:
        model = Job

    corpus = factory.SubFactory(CorpusFactory)
    kind = "media_ingest"
    status = "done"
    attempt = 1
    units_done = 418
    units_total = 418
    unit = "files"
    started_at = factory.LazyFunction(lambda: timezone.now() - timedelta(minutes=9))
    finished_at = factory.LazyFunction(lambda: timezone.now() - timedelta(minutes=3))

    class Params:
        is_queued = factory.Trait(
            status="queued", attempt=0, started_at=None, finished_at=None, units_done=0, units_total=None
        )
        is_running = factory.Trait(
            status="running",
            units_done=163,
            note="video 17 of 40: river_bank_0412.mp4",
            rate_per_second=2.4,
            finished_at=None,
            owner="cpu@workstation",
            lease_until=factory.LazyFunction(
                lambda: timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
            ),
        )
        is_failed = factory.Trait(
            status="failed",
            units_done=163,
            error_code="no-space",
            error_text="Writing features stopped after 163 items: no space left on the disk.",
        )


class JobAttemptFactory(DjangoModelFactory):
    class Meta:
        model = JobAttempt

    job = factory.SubFactory(JobFactory)
    number = 1
    host = "workstation"
    pid = 4121
    outcome = "done"
    ended_at = factory.LazyFunction(timezone.now)
    peak_rss_bytes = 812_000_000


class JobEventFactory(DjangoModelFactory):
    class Meta:
        model = JobEvent

    job = factory.SubFactory(JobFactory)
    attempt = 1
    text = "Started on cpu@workstation."


class WorkerFactory(DjangoModelFactory):
    class Meta:
        model = Worker

    name = factory.Sequence(lambda n: f"{('cpu', 'gpu')[n % 2]}@workstation{n // 2 or ''}")
    host = "workstation"
    pid = factory.Sequence(lambda n: 4100 + n)
    queues = factory.LazyAttribute(lambda worker: [worker.name.split("@")[0]])
    concurrency = 2
    started_at = factory.LazyFunction(lambda: timezone.now() - timedelta(hours=7))
    seen_at = factory.LazyFunction(timezone.now)


class IndexingSettingsFactory(DjangoModelFactory):
    class Meta:
        model = indexing.IndexingSettings

    corpus = factory.SubFactory(CorpusFactory)


class SourceFactory(DjangoModelFactory):
    class Meta:
        model = indexing.Source
        django_get_or_create = ("corpus", "kind", "path")

    corpus = factory.SubFactory(CorpusFactory)
    kind = "folder"
    path = "/srv/media/river"
    created_by = factory.SelfAttribute("corpus.created_by")


class MediaFileFactory(DjangoModelFactory):
    """A photo; with `is_video`, a video."""

    class Meta:
        model = indexing.MediaFile

    corpus = factory.SubFactory(CorpusFactory)
    kind = "image"
    name = factory.Sequence(lambda n: f"{PLACES[n % len(PLACES)]}/IMG_{4000 + n}.jpg")
    sha256 = factory.LazyAttribute(lambda media: sha256_of(media.corpus.pk, media.name))
    size_bytes = factory.LazyAttribute(lambda media: 1_400_000 + int(media.sha256[:5], 16))
    path = factory.LazyAttribute(lambda media: f"/srv/media/river/{media.name}")
    state = "done"
    container = "jpeg"
    codec = "jpeg"
    width_px = 1920
    height_px = 1280

    class Params:
        is_video = factory.Trait(
            kind="video",
            name=factory.Sequence(
                lambda n: f"{PLACES[n % len(PLACES)]}/{PLACES[n % len(PLACES)]}_{n:04}.mp4"
            ),
            container="mp4",
            codec="h264",
            height_px=1080,
            duration_seconds=754.2,
            num_frames=18_855,
            time_base_numerator=1,
            time_base_denominator=12_800,
            size_bytes=214_600_000,
        )
        is_refused = factory.Trait(
            state="refused",
            kind="unknown",
            container="",
            codec="",
            width_px=0,
            height_px=0,
            name=factory.Sequence(lambda n: f"{PLACES[n % len(PLACES)]}/scan_{n:04}.heic"),
            reason_code="unsupported-format",
            reason="This is a HEIC image; expected JPEG, PNG, WebP, BMP, TIFF or GIF. "
            "Convert it and add it again.",
        )
        is_partial = factory.Trait(
            state="partial",
            kind="video",
            container="matroska",
            codec="vp9",
            duration_seconds=61.0,
            name=factory.Sequence(lambda n: f"{PLACES[n % len(PLACES)]}/night_{n:04}.mkv"),
            reason_code="damaged",
            reason="The video is damaged from 0:41 on; the 12 frames before that were kept.",
        )


class MediaPathFactory(DjangoModelFactory):
    class Meta:
        model = indexing.MediaPath

    media_file = factory.SubFactory(MediaFileFactory)
    source = factory.SubFactory(SourceFactory, corpus=factory.SelfAttribute("..media_file.corpus"))
    relative_path = factory.SelfAttribute("media_file.name")
    size_bytes = factory.SelfAttribute("media_file.size_bytes")
    mtime_ns = 1_790_000_000_000_000_000


class UploadFactory(DjangoModelFactory):
    class Meta:
        model = indexing.Upload

    corpus = factory.SubFactory(CorpusFactory)
    created_by = factory.SelfAttribute("corpus.created_by")
    name = "quarry/IMG_4711.jpg"
    size_bytes = 2_400_000
    received_bytes = 1_048_576


class ThumbnailPackFactory(DjangoModelFactory):
    class Meta:
        model = indexing.ThumbnailPack

    corpus = factory.SubFactory(CorpusFactory)
    sha256 = factory.Sequence(lambda n: sha256_of("pack", n))
    size_bytes = 640_000


class StackFactory(DjangoModelFactory):
    class Meta:
        model = indexing.Stack

    corpus = factory.SubFactory(CorpusFactory)


class ItemFactory(DjangoModelFactory):
    """A frame of a video a second after the one before; of a photo, its only frame."""

    class Meta:
        model = indexing.Item

    media_file = factory.SubFactory(MediaFileFactory)
    corpus = factory.SelfAttribute("media_file.corpus")
    start_pts = factory.Sequence(lambda n: n * 12_800)
    stop_pts = factory.LazyAttribute(lambda item: item.start_pts + 512)
    number = factory.LazyAttribute(lambda item: item.start_pts // 512)
    pts_seconds = factory.LazyAttribute(lambda item: item.start_pts / 12_800)


class FeatureSetFactory(DjangoModelFactory):
    class Meta:
        model = indexing.FeatureSet

    corpus = factory.SubFactory(CorpusFactory)
    encoder = "resnet50-mac@1"
    weights_sha256 = factory.LazyAttribute(lambda made: sha256_of(made.encoder))
    width = 2048
    is_active = True


class FeatureShardFactory(DjangoModelFactory):
    class Meta:
        model = indexing.FeatureShard

    feature_set = factory.SubFactory(FeatureSetFactory)
    sha256 = factory.Sequence(lambda n: sha256_of("shard", n))
    ids_sha256 = factory.Sequence(lambda n: sha256_of("ids", n))
    num_rows = 4096


class FeatureRowFactory(DjangoModelFactory):
    class Meta:
        model = indexing.FeatureRow

    item = factory.SubFactory(ItemFactory)
    feature_set = factory.SubFactory(FeatureSetFactory, corpus=factory.SelfAttribute("..item.corpus"))
    shard = factory.SubFactory(FeatureShardFactory, feature_set=factory.SelfAttribute("..feature_set"))
    row = 0


class FeatureIndexFactory(DjangoModelFactory):
    class Meta:
        model = indexing.FeatureIndex

    feature_set = factory.SubFactory(FeatureSetFactory)
    factory = "IVF256,PQ64x4fs"
    num_vectors = 4096
    last_shard_id = 1
    recall_at_10 = 0.991
    recall_at_100 = 0.968
    recall_num_queries = 200
    manifest_sha256 = sha256_of("manifest")
    is_published = True


class LabelClassFactory(DjangoModelFactory):
    class Meta:
        model = labeling.LabelClass

    corpus = factory.SubFactory(CorpusFactory)
    name = factory.Sequence(
        lambda n: ("otter", "heron", "boat", "dog on a lead", "cyclist")[n % 5] + (f" {n}" * (n > 4))
    )
    description = "The animal itself, also partly hidden. Tracks alone do not count."
    created_by = factory.SelfAttribute("corpus.created_by")


class QueryImageFactory(DjangoModelFactory):
    class Meta:
        model = labeling.QueryImage

    corpus = factory.SubFactory(CorpusFactory)
    created_by = factory.SelfAttribute("corpus.created_by")
    name = "otter_from_the_web.jpg"
    width_px = 640
    height_px = 480


class QueryRoundFactory(DjangoModelFactory):
    class Meta:
        model = labeling.QueryRound

    label_class = factory.SubFactory(LabelClassFactory)
    corpus = factory.SelfAttribute("label_class.corpus")
    created_by = factory.SelfAttribute("corpus.created_by")
    mode = "similar"
    encoder = "resnet50-mac@1"


class VerdictFactory(DjangoModelFactory):
    class Meta:
        model = labeling.Verdict

    item = factory.SubFactory(ItemFactory)
    corpus = factory.SelfAttribute("item.corpus")
    label_class = factory.SubFactory(LabelClassFactory, corpus=factory.SelfAttribute("..item.corpus"))
    answer = "accept"
    version = 1
    annotator = factory.SelfAttribute("corpus.created_by")
    operation_id = factory.LazyFunction(uuid.uuid4)
    batch = factory.LazyFunction(uuid.uuid4)
    mode = "similar"


class CurrentVerdictFactory(DjangoModelFactory):
    class Meta:
        model = labeling.CurrentVerdict

    verdict = factory.SubFactory(VerdictFactory)
    item = factory.SelfAttribute("verdict.item")
    corpus = factory.SelfAttribute("verdict.corpus")
    label_class = factory.SelfAttribute("verdict.label_class")
    answer = factory.SelfAttribute("verdict.answer")
    version = factory.SelfAttribute("verdict.version")


class WeakBatchFactory(DjangoModelFactory):
    class Meta:
        model = labeling.WeakBatch

    query_round = factory.SubFactory(QueryRoundFactory)
    corpus = factory.SelfAttribute("query_round.corpus")
    label_class = factory.SelfAttribute("query_round.label_class")
    created_by = factory.SelfAttribute("corpus.created_by")
    first_n = 200


class WeakLabelFactory(DjangoModelFactory):
    class Meta:
        model = labeling.WeakLabel

    batch = factory.SubFactory(WeakBatchFactory)
    item = factory.SubFactory(ItemFactory, media_file__corpus=factory.SelfAttribute("...batch.corpus"))
    label_class = factory.SelfAttribute("batch.label_class")
    rank = factory.Sequence(lambda n: n)
    similarity = factory.LazyAttribute(lambda label: round(0.9 - label.rank / 1000, 4))


class FrozenRankingFactory(DjangoModelFactory):
    """A ranking of one stack."""

    class Meta:
        model = labeling.FrozenRanking

    query_round = factory.SubFactory(QueryRoundFactory)
    corpus = factory.SelfAttribute("query_round.corpus")
    label_class = factory.SelfAttribute("query_round.label_class")
    item_ids = factory.LazyAttribute(lambda made: [ItemFactory(media_file__corpus=made.corpus).pk])
    stack_ids = [0]
    num_ranked = 1
    sha256 = factory.LazyAttribute(lambda made: sha256_of(*made.item_ids))


class AuditFactory(DjangoModelFactory):
    """An audit of recall whose one draw nobody has looked at."""

    class Meta:
        model = labeling.Audit
        skip_postgeneration_save = True

    ranking = factory.SubFactory(FrozenRankingFactory)
    corpus = factory.SelfAttribute("ranking.corpus")
    label_class = factory.SelfAttribute("ranking.label_class")
    kind = "recall"
    look = 1
    is_only_look = True
    alpha = 0.05
    looks = 1
    undecided = 1
    statuses = b"\0"
    one_in = 4
    seed = 7
    created_by = factory.SelfAttribute("corpus.created_by")
    draw = factory.RelatedFactory("tests.factories.AuditDrawFactory", factory_related_name="audit")


class AuditDrawFactory(DjangoModelFactory):
    class Meta:
        model = labeling.AuditDraw

    audit = factory.SubFactory(AuditFactory, draw=None)
    part = "horizon"
    position = 0
    item_id = factory.LazyAttribute(lambda draw: draw.audit.ranking.item_ids[0])
    member_ids = factory.LazyAttribute(lambda draw: [draw.item_id])
    rank = 0


class SplitAssignmentFactory(DjangoModelFactory):
    class Meta:
        model = labeling.SplitAssignment

    media_file = factory.SubFactory(MediaFileFactory)
    corpus = factory.SelfAttribute("media_file.corpus")
    split = "train"


class DatasetVersionFactory(DjangoModelFactory):
    class Meta:
        model = labeling.DatasetVersion

    corpus = factory.SubFactory(CorpusFactory)
    number = factory.Sequence(lambda n: n + 1)
    name = "otters, first clean set"
    card = factory.LazyFunction(lambda: {"classes": [{"id": 1, "name": "otter", "description": ""}]})
    sha256 = factory.LazyAttribute(lambda made: sha256_of(made.corpus.pk, made.number))
    created_by = factory.SelfAttribute("corpus.created_by")


class DatasetEntryFactory(DjangoModelFactory):
    class Meta:
        model = labeling.DatasetEntry

    dataset_version = factory.SubFactory(DatasetVersionFactory)
    item = factory.SubFactory(
        ItemFactory, media_file__corpus=factory.SelfAttribute("...dataset_version.corpus")
    )
    label_class = factory.SubFactory(
        LabelClassFactory, corpus=factory.SelfAttribute("..dataset_version.corpus")
    )
    answer = "accept"
    origin = "verdict"
    split = "train"
    group = factory.LazyAttribute(lambda entry: f"media-{entry.item.media_file_id}")


class LabelImportFactory(DjangoModelFactory):
    class Meta:
        model = labeling.LabelImport

    corpus = factory.SubFactory(CorpusFactory)
    name = "annotations_2024.zip"
    path = "/data/labels/annotations_2024.zip"
    format = "coco"
    created_by = factory.SelfAttribute("corpus.created_by")


class ExportFactory(DjangoModelFactory):
    class Meta:
        model = labeling.Export

    dataset_version = factory.SubFactory(DatasetVersionFactory)
    format = "image_folder"
    created_by = factory.SelfAttribute("dataset_version.created_by")


class ClassifierFactory(DjangoModelFactory):
    class Meta:
        model = training.Classifier

    corpus = factory.SubFactory(CorpusFactory)
    name = factory.Sequence(lambda n: f"otter {n + 1}")
    created_by = factory.SelfAttribute("corpus.created_by")


class RunFactory(DjangoModelFactory):
    """A probe of one class."""

    class Meta:
        model = training.Run

    classifier = factory.SubFactory(ClassifierFactory)
    corpus = factory.SelfAttribute("classifier.corpus")
    dataset_version = factory.SubFactory(
        DatasetVersionFactory, corpus=factory.SelfAttribute("..classifier.corpus")
    )
    feature_set = factory.SubFactory(FeatureSetFactory, corpus=factory.SelfAttribute("..classifier.corpus"))
    encoder = factory.SelfAttribute("feature_set.encoder")
    kind = "probe"
    classes = factory.LazyAttribute(lambda run: run.dataset_version.card["classes"])
    options = factory.LazyFunction(
        lambda: {"class_weighting": "balanced", "regularization": None, "seed": 0, "go_live": False}
    )
    created_by = factory.SelfAttribute("corpus.created_by")


class ClassifierVersionFactory(DjangoModelFactory):
    class Meta:
        model = training.ClassifierVersion

    run = factory.SubFactory(RunFactory)
    classifier = factory.SelfAttribute("run.classifier")
    number = factory.Sequence(lambda n: n + 1)
    sha256 = factory.LazyAttribute(lambda made: sha256_of(made.run.pk))
    size_bytes = 18_402


class OnnxExportFactory(DjangoModelFactory):
    class Meta:
        model = training.OnnxExport

    version = factory.SubFactory(ClassifierVersionFactory)
    created_by = factory.SelfAttribute("version.run.created_by")
