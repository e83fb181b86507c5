"""Real PostgreSQL and Redis for the test run; loaded as a pytest plugin before Django reads its settings."""

import atexit
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import psycopg

from sisyphus_web.embedded import EmbeddedPostgres, EmbeddedRedis

STARTED = "SISYPHUS_TEST_SERVICES"  # which of DATABASE_URL and REDIS_URL are of services that we have started


def _start() -> None:
    """Start what the environment does not name; every process of pytest-xdist starts its own.

    Some tests kill PostgreSQL and Redis: the tests of another process must not feel it.
    """
    for name in os.environ.pop(STARTED, "").split():  # of the process that has started this one
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="sisyphus-tests-"))
    folder.chmod(0o711)  # the embedded PostgreSQL runs as another user when we are root
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    data_dir = folder / "data"
    for name in ("run", "static"):
        (data_dir / name).mkdir(mode=0o700, parents=True)
    os.environ["DJANGO_SECRET_KEY"] = secrets.token_urlsafe(50)
    os.environ["SISYPHUS_LOOPBACK_HTTP"] = "1"
    os.environ["SISYPHUS_DATA_DIR"] = str(data_dir)
    started = []
    for name, kind in (("DATABASE_URL", EmbeddedPostgres), ("REDIS_URL", EmbeddedRedis)):
        if os.environ.get(name):
            continue
        started.append(name)
        if _only_hands_out_tests():
            os.environ[name] = f"{kind.name}://nobody@localhost/0"
        else:
            service = kind(data_dir, is_durable=False)
            atexit.register(service.stop)
            service.start()
            os.environ[name] = service.url
            if kind is EmbeddedPostgres:
                _let_switch_triggers_off(service.url)
    os.environ[STARTED] = " ".join(started)


def _only_hands_out_tests() -> bool:
    """Whether other processes run the tests (pytest-xdist): this one needs settings, and no services."""
    return "-n" in sys.argv and "PYTEST_XDIST_WORKER" not in os.environ


def _let_switch_triggers_off(url: str) -> None:
    """The role of the tests may empty tables whose triggers forbid it (tests.emptied)."""
    with psycopg.connect(url.replace("//sisyphus@", "//postgres@"), autocommit=True) as connection:
        connection.execute("GRANT SET ON PARAMETER session_replication_role TO sisyphus")


_start()
