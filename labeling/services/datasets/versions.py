"""Freeze what counts into a dataset version."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from labeling.models import DatasetVersion, LabelClass
from labeling.services.datasets.card import count
from labeling.services.datasets.entries import canonical_sha256, insert_entries
from labeling.services.datasets.frozen import freeze
from labeling.services.datasets.query_examples import leave_out_of_test, query_examples
from labeling.services.datasets.sides import assign_sides
from sisyphus_web.accounts.models import Corpus, User


@transaction.atomic
def create_version(
    *,
    corpus: Corpus,
    label_classes: Sequence[LabelClass],
    includes_weak: bool = False,
    group_by: str = DatasetVersion.GroupBy.MEDIA,
    val_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    name: str = "",
    unit: str | None = None,
    by: User,
) -> DatasetVersion:
    """Freeze what is accepted and rejected for `label_classes`, split it, count it, hash it.

    A version is of frames or of clips: without `unit` of what was answered, MixedUnits if that is both.

    Left out, and counted on the card: unsure, disputed, what cannot be on any side (compute/splits.py), and
    what is in test but was searched by since, alone or with its stack.
    Versions of a corpus are made one after the other; answers go on meanwhile.
    """
    if val_share + test_share >= 1:
        raise ValidationError({"val_share": "val and test together must leave some for train."})
    Corpus.objects.select_for_update(no_key=True).get(pk=corpus.pk)
    classes = sorted(label_classes, key=lambda each: each.pk)
    unit, last_verdict_id = freeze(classes, includes_weak=includes_weak, unit=unit)
    examples = query_examples(corpus, unit)
    plan = assign_sides(
        corpus, examples, group_by=group_by, val_share=val_share, test_share=test_share, seed=seed
    )
    num_examples = leave_out_of_test(examples, plan)
    number = DatasetVersion.objects.filter(corpus=corpus).aggregate(last=Max("number"))["last"] or 0
    version = DatasetVersion.objects.create(
        corpus=corpus,
        number=number + 1,
        name=name.strip(),
        unit=unit,
        includes_weak=includes_weak,
        group_by=group_by,
        val_share=val_share,
        test_share=test_share,
        seed=seed,
        last_verdict_id=last_verdict_id,
        created_by=by,
    )
    version.label_classes.set(classes)
    insert_entries(version, plan)
    version.counts, version.card = count(version, classes, plan)
    version.card["leakage"] |= {"query_examples_left_out_of_test": num_examples}
    version.sha256 = canonical_sha256(version)
    version.save()
    return version
