"""Runs: everything is checked before one is queued, so that a job does not fail for what was known before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from indexing.models import FeatureSet, Unit
from indexing.services.features import active_set
from labeling.models import DatasetVersion, LabelClass
from labeling.services.datasets import num_crossings
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.jobs import services as jobs
from training.compute.answers import AnswerTable, check_trainable
from training.compute.refusals import TrainingRefused
from training.models import Classifier, Run
from training.services.examples import facts_of, having_features, read_answers
from training.services.options import check_options
from training.services.refusals import (
    REFUSALS,
    ClassNotInVersion,
    CrossingSplit,
    NoFeatures,
    NotTrainable,
    OtherClasses,
    WrongUnit,
)

Kind, Target = Run.Kind, Run.Target
JOB_KINDS = {Kind.PROBE: "classifier_train", Kind.FINE_TUNE: "classifier_fine_tune"}


class Checked(NamedTuple):
    """Answers that can train."""

    answers: AnswerTable
    num_without_features: int  # items that were left out


@transaction.atomic
def request_run(
    *,
    version: DatasetVersion,
    label_classes: Sequence[LabelClass] = (),
    name: str = "",
    kind: str = Kind.PROBE,
    target: str = Target.MULTI_LABEL,
    feature_set: FeatureSet | None = None,
    network: str = "",
    options: dict[str, Any] | None = None,
    go_live: bool = False,
    by: User,
) -> Run:
    """A queued run of a classifier called `name`; without classes all of the version, without a name theirs.

    Refused, with what to do: classes that the version does not have, answers that teach nothing, groups
    that cross the split, items without features, another list of classes than the classifier has.
    """
    corpus = version.corpus
    classes = _classes_of(version, label_classes)
    options = check_options(kind, network, options or {})
    if num_torn := num_crossings(version):
        raise CrossingSplit(
            f"{num_torn} stacks or media files have items on several sides of version {version.number} by "
            "now: make a new dataset version, which keeps them together."
        )
    if kind == Kind.PROBE:
        feature_set = feature_set or active_set(corpus, version.unit)
        if feature_set is None:
            raise NoFeatures("This corpus has no features yet: extract them first.")
        if feature_set.unit != version.unit:
            raise WrongUnit(
                f"Version {version.number} is of {version.get_unit_display()}, and {feature_set.encoder} has "
                f"features of {feature_set.get_unit_display()}: choose features of "
                f"{version.get_unit_display()}."
            )
    elif version.unit == Unit.CLIP:
        raise WrongUnit(
            f"Version {version.number} is of clips, and a network is fine-tuned on pictures: train a linear "
            "probe on the features of clips."
        )
    else:
        feature_set = None
    checked = checked_answers(version, classes, target=target, feature_set=feature_set)
    run = Run.objects.create(
        corpus=corpus,
        classifier=_classifier_of(corpus, name, classes, by=by),
        dataset_version=version,
        kind=kind,
        target=target,
        classes=classes,
        feature_set=feature_set,
        encoder=feature_set.encoder if feature_set is not None else options["network"],
        options=options | {"go_live": go_live},
        examples=facts_of(checked.answers, num_without_features=checked.num_without_features),
        created_by=by,
    )
    run.job = jobs.enqueue(JOB_KINDS[Kind(run.kind)], corpus=corpus, created_by=by, run=run.pk)
    run.save(update_fields=["job"])
    return run


def checked_answers(
    version: DatasetVersion, classes: Sequence[dict[str, Any]], *, target: str, feature_set: FeatureSet | None
) -> Checked:
    """The answers that a run of these classes learns from; NotTrainable where they teach nothing."""
    answers = read_answers(
        version, [each["id"] for each in classes], [each["name"] for each in classes], target=target
    )
    try:
        check_trainable(answers, target)
        if feature_set is None and not len(answers.side("val")):
            raise TrainingRefused(
                "no-val",
                f"Version {version.number} has no verdicts on val, and a network is chosen among its epochs "
                "there: make a version with a larger share of val.",
            )
        if feature_set is not None:
            having = having_features(feature_set, answers)
            if len(having) == 0:
                raise NoFeatures(
                    f"None of the {len(answers)} items of version {version.number} has features by "
                    f"{feature_set.encoder}: extract them first."
                )
            check_trainable(having, target)
            return Checked(having, len(answers) - len(having))
    except REFUSALS as error:
        raise NotTrainable(error) from None
    return Checked(answers, 0)


def _classes_of(version: DatasetVersion, asked: Sequence[LabelClass]) -> list[dict[str, Any]]:
    """[{id, name}] in the order of their ids, as they were named when the version was frozen."""
    frozen = {each["id"]: each["name"] for each in version.card["classes"]}
    if unknown := [each.name for each in asked if each.pk not in frozen]:
        there = ", ".join(frozen.values())
        raise ClassNotInVersion(
            f"Version {version.number} does not have the class {unknown[0]}; it has: {there}. Freeze a "
            "version with it first."
        )
    chosen = sorted({each.pk for each in asked} or frozen)
    return [{"id": pk, "name": frozen[pk]} for pk in chosen]


def _classifier_of(corpus: Corpus, name: str, classes: list[dict[str, Any]], *, by: User) -> Classifier:
    """The classifier of that name, made if there is none; OtherClasses if its runs are of other classes."""
    name = name.strip() or ", ".join(each["name"] for each in classes).replace("/", "-").lstrip("#")[:80]
    if not name or "/" in name or name.startswith("#") or len(name) > 80:
        raise ValidationError(
            {"name": "A classifier's name has 1 to 80 characters, no / in it and no # before it."}
        )
    made, is_new = Classifier.objects.get_or_create(corpus=corpus, name=name, defaults={"created_by": by})
    last = None if is_new else made.runs.order_by("-pk").first()
    if last is not None and last.class_ids != [each["id"] for each in classes]:
        raise OtherClasses(
            f"{name} is a classifier of {', '.join(last.class_names)}: give this run another name."
        )
    return made
