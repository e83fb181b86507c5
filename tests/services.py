"""Real PostgreSQL and Redis for the test run; loaded as a pytest plugin before Django reads its settings."""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from sisyphus_web.embedded import EmbeddedPostgres, EmbeddedRedis


def _start() -> None:
    if os.environ.get("SISYPHUS_TEST_SERVICES"):  # an xdist worker: its parent has started them
        return
    os.environ["SISYPHUS_TEST_SERVICES"] = "1"
    folder = Path(tempfile.mkdtemp(prefix="sisyphus-tests-"))
    folder.chmod(0o711)  # the embedded PostgreSQL runs as another user when we are root
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    data_dir = folder / "data"
    for name in ("run", "static"):
        (data_dir / name).mkdir(mode=0o700, parents=True)
    os.environ["DJANGO_SECRET_KEY"] = secrets.token_urlsafe(50)
    os.environ["SISYPHUS_LOOPBACK_HTTP"] = "1"
    os.environ["SISYPHUS_DATA_DIR"] = str(data_dir)
    if not os.environ.get("DATABASE_URL"):
        postgres = EmbeddedPostgres(data_dir, is_durable=False)
        atexit.register(postgres.stop)
        postgres.start()
        os.environ["DATABASE_URL"] = postgres.url
    if not os.environ.get("REDIS_URL"):
        redis = EmbeddedRedis(data_dir, is_durable=False)
        atexit.register(redis.stop)
        redis.start()
        os.environ["REDIS_URL"] = redis.url


_start()
