"""`manage.py audit`: do the books balance? Exit code 1 and one line per problem if not."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from sisyphus_web import audit


class Command(BaseCommand):
    help = "Check what must always be true of the database and the data directory."

    def handle(self, *args: Any, **options: Any) -> None:
        problems = audit.check()
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            sys.exit(1)
        self.stdout.write("The books balance.")
