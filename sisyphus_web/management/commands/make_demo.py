"""manage.py make_demo: the corpus Demo, made on this machine and being ingested."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from sisyphus_web.accounts.models import Corpus, Membership, Role, User

NAME = "Demo"
WORDS = "Photos and videos made by Sisyphus. One photo in eight shows a red warning sign: find them all."


class Command(BaseCommand):
    help = "Make the corpus Demo; does nothing if it is there."

    def handle(self, *args: Any, **options: Any) -> None:
        from indexing.services.ingest import start_ingest
        from sisyphus_web.demo import make_demo

        operator = User.objects.filter(is_operator=True, is_active=True).order_by("id").first()
        if operator is None:
            raise CommandError("There is no operator yet; run manage.py create_operator.")
        with transaction.atomic():  # before its files: the first page shows it at once
            corpus, is_new = Corpus.objects.get_or_create(
                name=NAME, archived_at=None, defaults={"description": WORDS, "created_by": operator}
            )
            if is_new:
                Membership.objects.create(corpus=corpus, user=operator, role=Role.MANAGER)
        folder = settings.DATA_DIR / "demo"
        make_demo(folder)
        if not corpus.jobs.exists():
            start_ingest(corpus, path=str(folder), created_by=operator)
        self.stdout.write(f"{NAME} is corpus {corpus.pk}.")
