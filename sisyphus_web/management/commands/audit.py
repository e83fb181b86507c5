"""`manage.py audit`: do the books balance? Exit code 1 and one line per problem if not."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from labeling.services.projection import rebuild_projection
from sisyphus_web import audit
from sisyphus_web.accounts.models import Corpus


class Command(BaseCommand):
    help = "Check what must always be true of the database and the data directory."

    def add_arguments(self, parser: CommandParser) -> None:
        words = "First make what counts for each item what the ledger of answers says."
        parser.add_argument("--rebuild", action="store_true", help=words)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rebuild"]:
            for corpus in Corpus.objects.order_by("pk"):
                num_wrong = rebuild_projection(corpus)
                self.stdout.write(f"{corpus.name}: {num_wrong} rows were wrong.")
        problems = audit.check()
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            sys.exit(1)
        self.stdout.write("The books balance.")
