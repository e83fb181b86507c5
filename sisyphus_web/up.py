"""`bin/sisyphus up`: every process of Sisyphus on this machine, from an empty data directory to a page.

Plain Python: Django's settings can only be read once the services that they name run.
"""

import argparse
import fcntl
import functools
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sisyphus_web import __version__
from sisyphus_web.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedRedis, OpenedParents, socket_folder
from sisyphus_web.processes import (
    Known,
    adopt_orphans,
    descendants,
    end,
    read_record,
    write_record,
)
from sisyphus_web.supervisor import Process, Supervisor, read_procfile

BASE_DIR = Path(__file__).resolve().parent.parent
READY_SECONDS = 180  # a cold start on a slow machine; the workers import a lot
COMMON_ROOTS = ("/data", "/media", "/mnt")  # where people keep media, besides their home
SHARED_ENV = (  # what `sfi` must know to reach this instance
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "DJANGO_SECRET_KEY",
    "SISYPHUS_DATA_DIR",
    "SISYPHUS_MODEL_DIR",
    "SISYPHUS_MEDIA_ROOTS",
    "SISYPHUS_SEARCH_SOCKET",
    "SISYPHUS_LOOPBACK_HTTP",
    "SISYPHUS_ADDRESS",
)


class UpError(Exception):
    """Sisyphus cannot start; the sentence says why and what to do."""


def say(text: str) -> None:
    """A line for the person at the console."""
    print(text, flush=True)  # noqa: T201 - this is the console


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/sisyphus up", description="Start Sisyphus on this machine.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000), help="default: 8000")
    parser.add_argument("--data-dir", type=Path, help="where everything is kept; default: ./data")
    parser.add_argument(
        "--media-root",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder that may be ingested; may be given several times; default: your home directory",
    )
    parser.add_argument("--demo", action="store_true", help="also make a small corpus to try things on")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM; 0 after a stop that was asked for, 1 with a sentence otherwise."""
    given = parser().parse_args(argv)
    chosen = given.data_dir or os.environ.get("SISYPHUS_DATA_DIR") or BASE_DIR / "data"
    data_dir = Path(chosen).expanduser().resolve()
    try:
        os.umask(0o077)
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("run", "logs", "static"):
            (data_dir / name).mkdir(mode=0o700, exist_ok=True)
        with only_one(data_dir):
            return Start(data_dir, given).run()
    except (UpError, EmbeddedError) as error:
        say(f"Sisyphus did not start: {error}")
    except PermissionError as error:
        say(f"Sisyphus did not start: no permission for {error.filename}; choose another --data-dir.")
    return 1


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory; UpError if another Sisyphus runs on it."""
    with (data_dir / "run" / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise UpError(
                f"it is running already on {data_dir} ({lock.read().strip() or 'starting'}). "
                "Use that one, stop it, or choose another --data-dir."
            ) from None
        try:
            yield
        finally:
            lock.truncate(0)


def note_in_lock(data_dir: Path, text: str) -> None:
    """What a second start is told about the first."""
    (data_dir / "run" / "up.lock").write_text(text, encoding="utf-8")


class Start:
    """One run of `up`."""

    def __init__(self, data_dir: Path, given: argparse.Namespace) -> None:
        self.data_dir = data_dir
        self.port: int = given.port
        self.is_demo: bool = given.demo
        self.media_roots = media_roots(given.media_root, data_dir)
        self.env = dict(os.environ)
        self.services: list[EmbeddedPostgres | EmbeddedRedis] = []
        self.known: list[Known] = []
        self.record = data_dir / "run" / "processes.json"
        self.is_asked_to_stop = False
        self.supervisor: Supervisor | None = None

    def run(self) -> int:
        """Start, stay, stop; the exit status."""
        began = time.monotonic()
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(which, self._on_signal)
        adopt_orphans()
        end_leftovers(self.record)
        OpenedParents(self.data_dir / "run" / "modes.json", say).restore()
        refuse_taken_port(self.port)
        note_in_lock(self.data_dir, f"process {os.getpid()}, http://127.0.0.1:{self.port}/")
        say(f"Sisyphus {__version__}, data in {self.data_dir}")
        try:
            self._start_services()
            self._set_env()
            password = self._prepare()
            if self.is_asked_to_stop:
                return 0
            failed = self._start_processes()
            if not self.is_asked_to_stop:
                self._announce(password, failed, time.monotonic() - began)
                if self.is_demo:
                    self._make_demo()
            if self.supervisor is not None:
                self.supervisor.run()
            return 0
        finally:
            self._stop()

    def _on_signal(self, *_: object) -> None:
        self.is_asked_to_stop = True
        if self.supervisor is not None:
            self.supervisor.ask_to_stop()

    def _start_services(self) -> None:
        """PostgreSQL and Redis run, ours or those that the environment names."""
        makers: list[tuple[str, Callable[[], EmbeddedPostgres | EmbeddedRedis]]] = [
            ("DATABASE_URL", lambda: EmbeddedPostgres(self.data_dir, say=say)),
            ("REDIS_URL", lambda: EmbeddedRedis(self.data_dir)),
        ]
        for variable, make in makers:
            if self.env.get(variable):
                say(f"  {variable}: yours")
                continue
            service = make()
            self.services.append(service)
            self.known.append(service.start())
            self._record([])
            self.env[variable] = service.url
            say(f"  {service.name}: embedded, started")

    def _set_env(self) -> None:
        """What every process reads; defaults only, so that the operator's own settings stay."""
        own = {
            "SISYPHUS_DATA_DIR": str(self.data_dir),
            "SISYPHUS_MEDIA_ROOTS": ",".join(map(str, self.media_roots)),
            "SISYPHUS_ADDRESS": f"http://127.0.0.1:{self.port}/",
            "PORT": str(self.port),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{self.env.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
        }
        cores = len(os.sched_getaffinity(0))
        defaults = {
            "DJANGO_SECRET_KEY": secret_key(self.data_dir),
            "SISYPHUS_LOOPBACK_HTTP": "1",
            "SISYPHUS_SEARCH_SOCKET": str(socket_folder(self.data_dir) / "search.sock"),
            "WORKER_CONCURRENCY": str(min(cores, 16)),
            "WEB_WORKERS": str(max(1, min(cores // 4, 4))),
            "WEB_THREADS": "8",
        } | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.env |= own | {name: value for name, value in defaults.items() if not self.env.get(name)}
        Path(self.env["SISYPHUS_SEARCH_SOCKET"]).unlink(missing_ok=True)
        shared = {name: self.env[name] for name in SHARED_ENV if self.env.get(name)}
        path = self.data_dir / "run" / "env"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            json.dump(shared, file, indent=1)

    def _prepare(self) -> str:
        """The schema is up to date and an operator exists; the password of one made just now, else ""."""
        self._manage("migrate", "--noinput", "--verbosity", "0")
        say("  database: up to date")
        return self._manage("create_operator", "--if-none", "--only-password")

    def _manage(self, *arguments: str) -> str:
        """What a management command prints; UpError with its last words if it fails."""
        if self.is_asked_to_stop:
            return ""
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "manage.py", *arguments],
            env=self.env,
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        (self.data_dir / "logs" / f"{arguments[0]}.log").write_text(done.stderr, encoding="utf-8")
        if done.returncode and not self.is_asked_to_stop:
            words = "\n".join((done.stderr or done.stdout).splitlines()[-15:])
            raise UpError(f"`manage.py {arguments[0]}` failed:\n{words}")
        return done.stdout.strip()

    def _start_processes(self) -> list[Process]:
        """Everything in the Procfile runs; those that were not ready in time."""
        os.chdir(BASE_DIR)
        ready = {
            "web": functools.partial(answers_ready, port=self.port),
            "search": functools.partial(accepts, path=self.env["SISYPHUS_SEARCH_SOCKET"]),
            "worker-cpu": functools.partial(Process.has_said, text=" ready."),
            "worker-gpu": functools.partial(Process.has_said, text=" ready."),
        }
        self.supervisor = Supervisor(
            read_procfile(BASE_DIR / "Procfile", self.env, ready),
            env=self.env,
            logs=self.data_dir / "logs",
            say=say,
            on_change=self._record,
        )
        self.supervisor.start()
        return self.supervisor.wait_ready(seconds=READY_SECONDS)

    def _make_demo(self) -> None:
        """The corpus Demo is there and being ingested; if not, that is said, and everything else runs."""
        log_path = self.data_dir / "logs" / "make_demo.log"
        with log_path.open("wb") as log:
            making = subprocess.Popen(
                [sys.executable, "manage.py", "make_demo"],
                env=self.env,
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        while making.poll() is None and self.supervisor is not None and not self.is_asked_to_stop:
            self.supervisor.step(0.2)
        if making.poll():
            say(f"The demo could not be made; see {log_path}")

    def _announce(self, password: str, failed: list[Process], seconds: float) -> None:
        for process in failed:
            say(f"  {process.name}: not ready yet; see {self.data_dir / 'logs' / (process.name + '.log')}")
        roots = ", ".join(map(str, self.media_roots))
        say(f"  folders that may be ingested: {roots} (others: --media-root DIR)")
        if self.is_demo:
            say("  demo: the corpus Demo is being made; its page shows how far it is")
        say(f"  started in {seconds:.0f} s; logs in {self.data_dir / 'logs'}; Ctrl-C stops everything")
        if password:
            say(f"  sign in as operator with the password {password} (shown only now; only its hash is kept)")
        say(f"Sisyphus is ready: http://127.0.0.1:{self.port}/")

    def _record(self, processes: list[Known]) -> None:
        write_record(self.record, [*self.known, *processes])

    def _stop(self) -> None:
        """Nothing of ours is left: no process, no socket, no opened directory."""
        say("Stopping ...")
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(which, signal.SIG_IGN)  # one stop is enough
        if self.supervisor is not None:
            self.supervisor.stop()
        for service in reversed(self.services):
            service.stop()
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for name in ("processes.json", "env"):
            (self.data_dir / "run" / name).unlink(missing_ok=True)
        Path(self.env.get("SISYPHUS_SEARCH_SOCKET") or os.devnull + ".sock").unlink(missing_ok=True)
        say("Sisyphus has stopped.")


def media_roots(given: list[Path], data_dir: Path) -> list[Path]:
    """Folders that may be ingested: those given, or of the environment, or the usual ones; and the demo's."""
    named = [Path(root) for root in os.environ.get("SISYPHUS_MEDIA_ROOTS", "").split(",") if root.strip()]
    usual = [Path.home(), *(Path(root) for root in COMMON_ROOTS if Path(root).is_dir())]
    roots = [root.expanduser().resolve() for root in given or named or usual]
    for root in given:
        if not root.expanduser().is_dir():
            raise UpError(f"--media-root {root} is not a directory.")
    return [*dict.fromkeys(roots), data_dir / "demo"]


def secret_key(data_dir: Path) -> str:
    """The instance's secret, made once, readable by its owner only."""
    path = data_dir / "secret_key"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text(encoding="ascii").strip()


def refuse_taken_port(port: int) -> None:
    """UpError if something listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UpError(
                f"port {port} cannot be used ({error.strerror}); choose another with --port."
            ) from None


def end_leftovers(record: Path) -> None:
    """End what a Sisyphus that was killed on this data directory left behind, the last started first."""
    left = [each for each in read_record(record) if each.is_alive]
    for each in reversed(left):
        say(f"  ending {each.name} (process {each.pid}), left behind by a Sisyphus that was killed")
        by = EmbeddedPostgres.stops_by if each.name == EmbeddedPostgres.name else signal.SIGTERM
        end(each, by=by, grace_seconds=15)
    record.unlink(missing_ok=True)


def answers_ready(_: Process, *, port: int) -> bool:
    """Whether the web process says that it and what it needs are ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def accepts(_: Process, *, path: str) -> bool:
    """Whether somebody listens on the socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(path)
        except OSError:
            return False
        return True


if __name__ == "__main__":
    sys.exit(main())
