"""The cast: ann annotates, mia manages, vera views, olga operates, stan is a stranger; a real Chromium."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.core.management.commands import flush
from playwright.sync_api import Browser, expect, sync_playwright
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from sisyphus_web.accounts.models import Corpus, Membership, Role, User

SHARED = Path(__file__).resolve().parents[2] / "shared"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright's synchronous API runs a loop
expect.set_options(timeout=30_000)  # a machine that tests is slow and has other things to do
# What is started for one of their tests is used by all of them. The slowest first: with several processes
# none of them is left with a long folder at the end.
WHOLE_FOLDERS = ("faults", "e2e", "storage", "platform")


@pytest.fixture(scope="session", autouse=True)
def patient_flush():
    """Between tests all tables are emptied at once, which deadlocks with a search service that reads."""
    emptied = flush.Command.handle

    def try_again(command, **options):
        for is_last in (False, False, False, False, True):
            try:
                emptied(command, **options)
                return
            except CommandError:
                if is_last:
                    raise
                time.sleep(0.3)

    flush.Command.handle = try_again
    yield
    flush.Command.handle = emptied


def _folder(path: str) -> str:
    return Path(path).parts[1] if path.startswith("tests/") else ""


def _turn(item: pytest.Item) -> int:
    folder = _folder(item.nodeid)
    return WHOLE_FOLDERS.index(folder) if folder in WHOLE_FOLDERS else len(WHOLE_FOLDERS)


class ByPlace(LoadScopeScheduling):
    """Several processes (`-n 2`) share the run by files, or by whole folders."""

    def _split_scope(self, nodeid: str) -> str:
        folder = _folder(nodeid)
        return folder if folder in WHOLE_FOLDERS else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByPlace:
    return ByPlace(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes
        items.sort(key=_turn)


@pytest.fixture(autouse=True)
def data_dir(tmp_path, settings):
    """A data directory of its own for every test."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir(mode=0o700)
    settings.MODEL_DIR = settings.DATA_DIR / "models"
    settings.FREE_SPACE_FLOOR_BYTES = 0  # of a small disk, too
    # scrypt takes a tenth of a second for each person of the cast
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return settings.DATA_DIR


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photos and videos, where the machine has them."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the real media in {SHARED / 'data'}")
    return SHARED / "data"


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Small real pretrained weights, where the machine has them."""
    if not (SHARED / "weights").is_dir():
        pytest.skip(f"needs the real weights in {SHARED / 'weights'}")
    return SHARED / "weights"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the run."""
    if not CHROMIUM.is_file():
        pytest.skip(f"needs Chromium at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


def _person(name: str, **fields) -> User:
    return User.objects.create_user(name, password=f"a long word for {name}", **fields)


@pytest.fixture
def ann(db) -> User:
    return _person("ann")


@pytest.fixture
def mia(db) -> User:
    return _person("mia")


@pytest.fixture
def vera(db) -> User:
    return _person("vera")


@pytest.fixture
def olga(db) -> User:
    return _person("olga", is_operator=True)


@pytest.fixture
def stan(db) -> User:
    return _person("stan")


@pytest.fixture
def corpus(ann, mia, vera) -> Corpus:
    """A corpus of mia's, with ann and vera in it."""
    made = Corpus.objects.create(name="street scenes", created_by=mia)
    for user, role in ((mia, Role.MANAGER), (ann, Role.ANNOTATOR), (vera, Role.VIEWER)):
        Membership.objects.create(corpus=made, user=user, role=role)
    return made
