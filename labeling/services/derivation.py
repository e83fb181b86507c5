"""How often an answer derived from a stack is wrong, per source, and where deriving is switched off."""

from __future__ import annotations

from typing import NamedTuple

from django.core.cache import cache
from django.db import connection

from labeling.compute.bounds import Interval, clopper_pearson
from sisyphus_web.accounts.models import Corpus

SHARE = 0.02  # of the derived answers that are looked at again, one by one
MOST_ERROR = 0.01  # above it, a source's stacks are answered frame by frame
LEAST_ERRORS = 2  # one wrong look of a checker does not switch a source off
CACHE_SECONDS = 10

# The last standing check of every item, against what was derived for it then. A file seen in several sources
# belongs to the first.
CHECKS = """
    WITH checked AS (
        SELECT DISTINCT ON (said.item_id, said.label_class_id)
               said.item_id, said.answer, rtrim(said.replaced[1], '*') AS derived
        FROM labeling_verdict said
        JOIN labeling_labelclass label_class ON label_class.id = said.label_class_id
        WHERE label_class.corpus_id = %(corpus)s AND said.mode = 'derived' AND said.reverts_id IS NULL
          AND said.replaced[1] LIKE '%%*'
          AND NOT EXISTS (
              SELECT FROM labeling_verdict undo
              WHERE undo.reverts_id = said.id
                AND NOT EXISTS (SELECT FROM labeling_verdict redo WHERE redo.reverts_id = undo.id)
          )
        ORDER BY said.item_id, said.label_class_id, said.id DESC
    )
    SELECT source.id, source.path, count(*), count(*) FILTER (WHERE checked.answer <> checked.derived)
    FROM checked
    JOIN indexing_item item ON item.id = checked.item_id
    LEFT JOIN LATERAL (
        SELECT path.source_id AS id FROM indexing_mediapath path
        WHERE path.media_file_id = item.media_file_id ORDER BY path.source_id LIMIT 1
    ) first ON true
    LEFT JOIN indexing_source source ON source.id = first.id
    GROUP BY source.id, source.path ORDER BY source.id NULLS LAST
"""
OFF_ITEMS = """
    SELECT item.id FROM indexing_item item
    WHERE item.id = ANY(%s) AND (
        SELECT path.source_id FROM indexing_mediapath path
        WHERE path.media_file_id = item.media_file_id ORDER BY path.source_id LIMIT 1
    ) = ANY(%s)
"""


class SourceError(NamedTuple):
    """What checks of derived answers came to, for one source; `source` None: of no source, or all of them."""

    source: int | None
    name: str  # the last part of its folder; '' for uploads
    checked: int
    wrong: int
    interval: Interval  # exact, 95 %

    @property
    def share(self) -> float | None:
        return self.wrong / self.checked if self.checked else None

    @property
    def is_off(self) -> bool:
        """More than 1 % were wrong, by more than one check: its stacks are answered frame by frame."""
        return (
            self.source is not None and self.wrong >= LEAST_ERRORS and self.wrong > MOST_ERROR * self.checked
        )


def errors_by_source(corpus: Corpus) -> list[SourceError]:
    """One line per source that was checked."""
    with connection.cursor() as cursor:
        cursor.execute(CHECKS, {"corpus": corpus.pk})
        return [
            SourceError(
                source, (path or "").rstrip("/").rpartition("/")[2], checked, wrong, _interval(wrong, checked)
            )
            for source, path, checked, wrong in cursor.fetchall()
        ]


def error_of_all(of_sources: list[SourceError]) -> SourceError:
    """The sources together."""
    checked, wrong = sum(each.checked for each in of_sources), sum(each.wrong for each in of_sources)
    return SourceError(None, "", checked, wrong, _interval(wrong, checked))


def recent_errors(corpus: Corpus) -> list[SourceError]:
    """As `errors_by_source`, some seconds old at most."""
    key = f"labeling-derived-errors-{corpus.pk}"
    found: list[SourceError] | None = cache.get(key)
    if found is None:
        found = errors_by_source(corpus)
        cache.set(key, found, CACHE_SECONDS)
    return found


def sources_off(corpus: Corpus) -> dict[int, str]:
    """Id and name of the sources whose stacks are answered frame by frame; some seconds old at most."""
    return {each.source: each.name for each in recent_errors(corpus) if each.is_off and each.source}


def forget_sources_off(corpus: Corpus) -> None:
    """A check was answered or taken back: look again."""
    cache.delete(f"labeling-derived-errors-{corpus.pk}")


def items_off(corpus: Corpus, items: list[int]) -> set[int]:
    """Those of `items` that are of a source whose stacks are answered frame by frame."""
    off = sources_off(corpus) if items else {}
    if not off:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(OFF_ITEMS, [items, list(off)])
        return {item for (item,) in cursor.fetchall()}


def _interval(wrong: int, checked: int) -> Interval:
    return clopper_pearson(wrong, checked)
