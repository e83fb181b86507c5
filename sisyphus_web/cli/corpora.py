"""`sfi corpora`: what there is."""

import argparse
import json

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import Exit
from sisyphus_web.cli.show import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """A line per corpus in use: its id, name, media files, items and members."""
    instance.connect(arguments)
    from django.db.models import Count, IntegerField, OuterRef, Subquery
    from django.db.models.functions import Coalesce

    from indexing.models import Item, MediaFile
    from sisyphus_web.accounts.models import Corpus

    def counted(model: type[Item] | type[MediaFile]) -> Coalesce:
        rows = model._default_manager.filter(corpus=OuterRef("pk"), deleted_at=None).order_by()
        per_corpus = rows.values("corpus").annotate(number=Count("pk")).values("number")
        return Coalesce(Subquery(per_corpus, output_field=IntegerField()), 0)

    found = Corpus.objects.filter(archived_at=None).order_by("id")
    found = found.annotate(files=counted(MediaFile), frames=counted(Item), people=Count("memberships"))
    rows = [
        {
            "id": corpus.pk,
            "name": corpus.name,
            "media_files": corpus.files,
            "items": corpus.frames,
            "members": corpus.people,
        }
        for corpus in found
    ]
    if arguments.json:
        print(json.dumps(rows))
    else:
        table(["id", "name", "media_files", "items", "members"], rows, empty="There is no corpus yet.")
    return Exit.DONE
