"""Label classes: made, renamed, described, retired; never deleted, since verdicts point at them."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from labeling.models import LabelClass
from sisyphus_web.accounts.models import Corpus, User


def create_class(*, corpus: Corpus, name: str, description: str = "", by: User) -> LabelClass:
    """A new class; ValidationError where its name is taken, also by a retired one."""
    return _save(LabelClass(corpus=corpus, name=name.strip(), description=description.strip(), created_by=by))


def change_class(
    label_class: LabelClass,
    *,
    name: str | None = None,
    description: str | None = None,
    is_retired: bool | None = None,
    second_share: float | None = None,
    gold_share: float | None = None,
) -> LabelClass:
    """Rename, describe, retire or bring back, set how many are looked at twice; what is None stays."""
    if name is not None:
        label_class.name = name.strip()
    if description is not None:
        label_class.description = description.strip()
    if is_retired is not None and is_retired != (label_class.retired_at is not None):
        label_class.retired_at = timezone.now() if is_retired else None
    if second_share is not None:
        label_class.second_share = second_share
    if gold_share is not None:
        label_class.gold_share = gold_share
    return _save(label_class)


def _save(label_class: LabelClass) -> LabelClass:
    if not label_class.name:
        raise ValidationError({"name": "A class needs a name."})
    if not label_class.name.isprintable():
        raise ValidationError({"name": "A name has no control characters."})
    try:
        with transaction.atomic():
            label_class.save()
    except IntegrityError:
        detail = f"There is already a class {label_class.name!r} here (perhaps retired: bring it back)."
        raise ValidationError({"name": detail}) from None
    return label_class
