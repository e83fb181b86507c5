"""The running Sisyphus that a verb talks to: found by its data directory, or named by the environment."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sisyphus_web.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from labeling.models import DatasetVersion, LabelClass
    from sisyphus_web.accounts.models import Corpus, User

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every verb takes that needs a running Sisyphus."""
    parser.add_argument(
        "--data-dir", type=Path, help="of the Sisyphus to talk to; default: ./data beside bin/"
    )
    parser.add_argument("--as", dest="user", metavar="USER", help="who does it; default: the first operator")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def data_dir_of(arguments: argparse.Namespace) -> Path:
    """The data directory meant: the option, the environment, or the usual place."""
    given = arguments.data_dir or os.environ.get("SISYPHUS_DATA_DIR") or BASE_DIR / "data"
    return Path(given).expanduser().absolute()


def read_env(data_dir: Path) -> dict[str, str]:
    """What `up` wrote for us; empty when it does not run there."""
    path = data_dir / "run" / "env"
    try:
        return {str(name): str(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise CliError(f"{path} may be read by its owner only; run sfi as that user.") from None


def connect(arguments: argparse.Namespace) -> None:
    """Django is set up for that Sisyphus; CliError if none runs."""
    data_dir = data_dir_of(arguments)
    if not os.environ.get("DATABASE_URL"):
        env = read_env(data_dir)
        if not env:
            raise CliError(
                f"no Sisyphus runs on {data_dir}. Start it with bin/sisyphus up, or give --data-dir."
            )
        os.environ.update(env)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sisyphus_web.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django
    from django.apps import apps
    from django.core.exceptions import ImproperlyConfigured

    try:
        if not apps.ready:
            django.setup()
    except ImproperlyConfigured as error:
        raise CliError(str(error)) from None
    from django.db import DatabaseError, connection

    try:
        connection.ensure_connection()
    except DatabaseError as error:
        raise CliError(f"the database does not answer: {str(error).splitlines()[0]}") from None


def user_of(arguments: argparse.Namespace) -> "User":
    """Who acts: --as, or the first operator."""
    from sisyphus_web.accounts.models import User

    if arguments.user:
        user = User.objects.filter(username=arguments.user, is_active=True).first()
        if user is None:
            raise CliError(f"there is no active user {arguments.user}", Exit.REFUSED)
        return user
    operator = User.objects.filter(is_operator=True, is_active=True).order_by("id").first()
    if operator is None:
        raise CliError("there is no operator yet; run manage.py create_operator, or give --as USER")
    return operator


def corpus_of(name: str) -> "Corpus":
    """The corpus of that name or id; CliError with the names that there are."""
    from sisyphus_web.accounts.models import Corpus

    in_use = Corpus.objects.filter(archived_at=None)
    found = in_use.filter(name=name).first()
    if found is None and name.isdecimal():
        found = in_use.filter(pk=int(name)).first()
    if found is None:
        names = ", ".join(in_use.order_by("name").values_list("name", flat=True)[:20]) or "none yet"
        raise CliError(f"there is no corpus {name!r}. There are: {names}.", Exit.REFUSED)
    return found


def dataset_version_of(corpus: "Corpus", number: int) -> "DatasetVersion":
    """The version of that number; CliError with the numbers that there are."""
    version = corpus.dataset_versions.filter(number=number).first()
    if version is None:
        numbers = ", ".join(map(str, corpus.dataset_versions.values_list("number", flat=True))) or "none"
        raise CliError(f"there is no version {number}. There are: {numbers}.", Exit.REFUSED)
    return version


def label_classes_of(corpus: "Corpus", names: list[str]) -> list["LabelClass"]:
    """The classes of these names, in their order; CliError with the names that there are."""
    there = {each.name: each for each in corpus.label_classes.all()}
    if unknown := [name for name in names if name not in there]:
        known = ", ".join(sorted(there)) or "none yet"
        raise CliError(
            f"there is no class {unknown[0]!r} in {corpus.name}. There are: {known}.", Exit.REFUSED
        )
    return [there[name] for name in names]
