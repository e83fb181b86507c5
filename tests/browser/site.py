"""A site as it looks after some weeks of work, made by the factories."""

from datetime import timedelta

from django.utils import timezone

from sisyphus_web.accounts.models import Corpus, Membership, Role, Scope, User
from sisyphus_web.accounts.services import create_token
from tests import factories as made


def fill(mia: User, olga: User) -> Corpus:
    """Three corpora; the first is full: media of every state, items, features, jobs, versions, members."""
    corpus = made.CorpusFactory(name="River survey 2026", created_by=mia)
    small = made.CorpusFactory(name="Street scenes, phase 2", description="", created_by=mia)
    empty = made.CorpusFactory(
        name="Quarry at night",
        description="Infrared. Waiting for the second disk, which comes with the May footage.",
        created_by=mia,
    )
    for each in (corpus, small, empty):
        Membership.objects.create(corpus=each, user=mia, role=Role.MANAGER)
    for role in ("viewer", "annotator", "annotator", "manager"):
        made.MembershipFactory(corpus=corpus, role=role)
    made.IndexingSettingsFactory(corpus=corpus)
    _fill_media(corpus)
    _fill_media(small, num_photos=3)
    _fill_jobs(corpus, mia)
    _fill_features(corpus)
    _fill_labels(corpus, mia)
    made.WorkerFactory.create_batch(2)
    create_token(user=mia, name="nightly ingest", scopes=[Scope.UPLOAD, Scope.RUN], corpora=[corpus])
    create_token(user=mia, name="notebook", scopes=[Scope.READ, Scope.EXPORT], days=90)
    olga.last_login = timezone.now() - timedelta(minutes=3)
    olga.save(update_fields=["last_login"])
    return corpus


def _fill_media(corpus: Corpus, num_photos: int = 26) -> None:
    pack = made.ThumbnailPackFactory(corpus=corpus)
    videos = made.MediaFileFactory.create_batch(5, corpus=corpus, is_video=True)
    photos = made.MediaFileFactory.create_batch(num_photos, corpus=corpus)
    made.MediaFileFactory.create_batch(2, corpus=corpus, is_refused=True)
    made.MediaFileFactory(corpus=corpus, is_partial=True)
    made.MediaFileFactory(corpus=corpus, state="pending")
    stack = made.StackFactory(corpus=corpus)
    for video in videos:
        made.MediaPathFactory(media_file=video)
        for second in range(14):
            made.ItemFactory(media_file=video, start_pts=second * 12_800, thumbnail_pack=pack, stack=stack)
    for photo in photos:
        made.ItemFactory(media_file=photo, start_pts=0, number=None, thumbnail_pack=pack)


def _fill_jobs(corpus: Corpus, mia: User) -> None:
    of = {"corpus": corpus, "created_by": mia}
    made.JobFactory(**of)
    failed = made.JobFactory(**of, kind="features_extract", is_failed=True, unit="items")
    made.JobEventFactory(job=failed)
    made.JobEventFactory(job=failed, text="Encoder resnet50-mac@1 on cpu, bf16.")
    made.JobEventFactory(job=failed, level="error", text=failed.error_text)
    made.JobAttemptFactory(job=failed, outcome="failed")
    made.JobFactory(**of, kind="media_ingest", is_running=True)
    waiting = made.JobFactory(**of, kind="stacks_build", is_queued=True, unmet_deps=1)
    waiting.depends_on.add(failed)


def _fill_features(corpus: Corpus) -> None:
    feature_set = made.FeatureSetFactory(corpus=corpus)
    made.FeatureShardFactory(feature_set=feature_set)
    made.FeatureIndexFactory(feature_set=feature_set)
    builtin = made.FeatureSetFactory(corpus=corpus, encoder="builtin@1", width=1024, is_active=False)
    made.FeatureShardFactory(feature_set=builtin, num_rows=2210)


def _fill_labels(corpus: Corpus, mia: User) -> None:
    otter = made.LabelClassFactory(corpus=corpus, name="otter")
    made.LabelClassFactory(corpus=corpus, name="heron", description="")
    made.LabelClassFactory(corpus=corpus, name="boat", retired_at=timezone.now())
    for item in corpus.items.all()[:12]:
        verdict = made.VerdictFactory(item=item, label_class=otter, annotator=mia)
        made.CurrentVerdictFactory(verdict=verdict)
    sides = {
        "train": {"accept": 2292, "reject": 655},
        "val": {"accept": 255, "reject": 80},
        "test": {"accept": 279, "reject": 77},
    }
    card = {
        "by_class": {"otter": sides},
        "origins": {"verdict": 512, "derived": 2314, "weak": 0},
        "groups": {"train": 61, "val": 8, "test": 9},
        "left_out": {"unsure": 14, "disputed": 3, "on_no_side": 0},
        "warnings": ["val has no accepted example of 'heron': there are too few separate videos of it."],
    }
    version = made.DatasetVersionFactory(corpus=corpus, number=1, counts=sides, card=card)
    version.label_classes.add(otter)
    job = made.JobFactory(
        corpus=corpus, kind="dataset_export", units_done=2292, units_total=2292, unit="items"
    )
    made.ExportFactory(
        dataset_version=version,
        job=job,
        file_name="otters-1.zip",
        size_bytes=318_000_000,
        sha256=made.sha256_of(1),
    )
    running = made.JobFactory(corpus=corpus, kind="dataset_export", is_running=True, unit="items", note="")
    made.ExportFactory(dataset_version=version, job=running, format="coco")
