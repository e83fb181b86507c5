"""The cast: ann annotates, mia manages, vera views, olga operates, stan is a stranger; a real Chromium."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from playwright.sync_api import Browser, expect, sync_playwright
from whitenoise.middleware import WhiteNoiseMiddleware
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from indexing import search
from sisyphus_web.accounts.models import Corpus, Membership, Role, User
from tests.emptied import quick_flush  # noqa: F401 - a fixture

SHARED = Path(__file__).resolve().parents[2] / "shared"
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # which is small in a container
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright's synchronous API runs a loop
PATIENCE_MS = 90_000  # a machine that tests is slow and has other things to do
expect.set_options(timeout=PATIENCE_MS)
# The same examples in every run, for as long as it takes.
hypothesis.settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repeatable")
# What is started for one of their tests is used by all of them. They come first, then the files with slow
# tests: with several processes none of them is left with something long at the end.
WHOLE_FOLDERS = ("faults", "e2e", "storage", "platform")

gc.disable()  # until all tests are collected: what their modules make stays


def pytest_collection_finish() -> None:
    """Garbage is looked for only among what the tests make: all of torch takes most of a second each time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def static_files_listed_once() -> Iterator[None]:
    """WhiteNoise looks at every static file when the middleware is made, which each test client does anew."""
    add_all = WhiteNoiseMiddleware.add_files_from_finders
    listed: dict[str, object] = {}

    def add(middleware: WhiteNoiseMiddleware) -> None:
        if not listed:
            add_all(middleware)
            listed.update(middleware.files)
        middleware.files.update(listed)

    WhiteNoiseMiddleware.add_files_from_finders = add
    yield
    WhiteNoiseMiddleware.add_files_from_finders = add_all


@pytest.fixture(scope="session", autouse=True)
def patient_search() -> Iterator[None]:
    """The first query of an encoder loads it, while other processes test."""
    usual = search.ANSWER_SECONDS
    search.ANSWER_SECONDS = 180.0
    yield
    search.ANSWER_SECONDS = usual


def _folder(path: str) -> str:
    return Path(path).parts[1] if path.startswith("tests/") else ""


def _turn(item: pytest.Item, slow_files: set[Path]) -> int:
    folder = _folder(item.nodeid)
    if folder in WHOLE_FOLDERS:
        return WHOLE_FOLDERS.index(folder)
    return len(WHOLE_FOLDERS) + (item.path not in slow_files)


class ByPlace(LoadScopeScheduling):
    """Several processes (`-n 2`) share the run by files, or by whole folders."""

    def _split_scope(self, nodeid: str) -> str:
        folder = _folder(nodeid)
        return folder if folder in WHOLE_FOLDERS else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByPlace:
    return ByPlace(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes
        slow_files = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: _turn(item, slow_files))


@pytest.fixture(autouse=True)
def data_dir(tmp_path, settings):
    """A data directory of its own for every test."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir(mode=0o700)
    settings.MODEL_DIR = settings.DATA_DIR / "models"
    settings.FREE_SPACE_FLOOR_BYTES = 0  # of a small disk, too
    # The thread that renews a lease does not see the job of a test that commits nothing, and gives it up.
    settings.JOB_LEASE_SECONDS = 3600
    # scrypt takes a tenth of a second for each person of the cast
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return settings.DATA_DIR


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix) -> None:
    """A test may compute for as long as it takes within its transaction, and wait for a lock."""
    settings.DATABASES["default"]["OPTIONS"]["options"] = (
        "-c statement_timeout=300000 -c idle_in_transaction_session_timeout=300000"
    )


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
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=ARGUMENTS, timeout=2 * PATIENCE_MS
        )
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
