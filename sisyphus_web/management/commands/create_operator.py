"""manage.py create_operator: somebody who runs the site, with a password that is shown once."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from sisyphus_web.accounts.models import LoginAttempt, User
from sisyphus_web.accounts.services import note

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that is easily mistaken: no l, o, 0, 1


def one_time_password() -> str:
    """Four groups of five: 100 bits, to be read aloud or copied."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))


class Command(BaseCommand):
    help = "Make an operator and print the password, which is stored as a hash only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default="operator")
        parser.add_argument("--if-none", action="store_true", help="do nothing if there is an operator")
        parser.add_argument(
            "--new-password",
            action="store_true",
            help="let an existing one in again, with a new password: also if locked out",
        )
        parser.add_argument("--only-password", action="store_true", help="print nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        name, password = options["name"], one_time_password()
        if options["if_none"] and User.objects.filter(is_operator=True).exists():
            return
        if options["new_password"]:
            user = User.objects.filter(username=name, is_operator=True).first()
            if user is None:
                raise CommandError(f"There is no operator named {name}.")
            self._let_in(user, password)
        else:
            self._create(name, password)
        self.stdout.write(password if options["only_password"] else f"{name} signs in with {password}")

    @transaction.atomic
    def _let_in(self, user: User, password: str) -> None:
        """Also one who was deactivated or locked out; sessions of before end, and the audit log says so."""
        user.set_password(password)
        user.is_active = True
        user.save(update_fields=["password", "is_active"])
        LoginAttempt.objects.filter(username=user.username.lower(), is_success=False).delete()
        note("operator-password", by=None, detail=f"{user.username}: a new one from the command line")

    def _create(self, name: str, password: str) -> None:
        try:
            with transaction.atomic():
                User.objects.create_user(
                    name, password=password, is_operator=True, is_staff=True, is_superuser=True
                )
        except IntegrityError:
            raise CommandError(
                f"There is a user named {name} already; choose another name, or --new-password."
            ) from None
