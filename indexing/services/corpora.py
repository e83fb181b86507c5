"""A corpus together with how it is indexed."""

from django.db import transaction

from indexing.models import IndexingSettings, Unit
from indexing.services.clip_jobs import start_clips
from indexing.services.clips import policy_of
from indexing.services.features import AUTO, check_encoder
from indexing.services.regions import start_regions
from sisyphus_web.accounts.models import Corpus, User
from sisyphus_web.accounts.services import create_corpus


@transaction.atomic
def create_indexed_corpus(*, name: str, description: str, created_by: User, **indexing: object) -> Corpus:
    """Make a corpus and its indexing settings: both, or neither; ValidationError names what is wrong."""
    corpus = create_corpus(name=name, description=description, created_by=created_by)
    change_settings(corpus, by=created_by, **indexing)
    return corpus


@transaction.atomic
def change_settings(corpus: Corpus, *, by: User | None = None, **indexing: object) -> IndexingSettings:
    """Change the named fields of how `corpus` is indexed; it holds for media added from now on.

    Regions and clips hold at once: switched on, what is missing is enqueued; off, queries see whole frames
    only. Another length or stride cuts the videos anew; what nobody has decided of the old clips is retired.
    ValidationError names what is wrong, EncoderNotUsable another encoder that cannot be loaded.
    """
    chosen = IndexingSettings.objects.select_for_update().filter(corpus=corpus).first()
    if chosen is None:
        chosen = IndexingSettings(corpus=corpus)
    for field, unit in (("encoder", Unit.FRAME), ("clip_encoder", Unit.CLIP)):
        key = indexing.get(field, getattr(chosen, field))
        if key not in (getattr(chosen, field), AUTO):
            check_encoder(str(key), unit=unit)
    had_regions = chosen.regions == IndexingSettings.Regions.TILES
    old_policy = policy_of(chosen)
    for name, value in indexing.items():
        setattr(chosen, name, value)
    chosen.full_clean()
    chosen.save()
    if chosen.regions == IndexingSettings.Regions.TILES and not had_regions:
        start_regions(corpus, created_by=by)
    if policy_of(chosen) != old_policy:
        start_clips(corpus, created_by=by)
    return chosen
