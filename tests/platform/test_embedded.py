"""PostgreSQL and Redis of our own: private, restartable, gone when stopped."""

import os
import stat

import psycopg
import pytest

from sisyphus_web.embedded import EmbeddedPostgres, EmbeddedRedis, OpenedParents, socket_folder
from sisyphus_web.processes import Known
from sisyphus_web.up import secret_key

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root opens directories for another user")


@pytest.fixture
def own_data_dir(tmp_path):
    folder = tmp_path / "own"
    (folder / "run").mkdir(mode=0o700, parents=True)
    return folder


def connect(postgres: EmbeddedPostgres) -> psycopg.Connection:
    return psycopg.connect(postgres.url, autocommit=True)


def test_postgres_keeps_its_data_over_a_kill(own_data_dir):
    first = EmbeddedPostgres(own_data_dir)
    known = first.start()
    with connect(first) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('rock')")
    os.kill(known.pid, 9)
    first.process.wait()

    second = EmbeddedPostgres(own_data_dir)
    second.start()
    try:
        with connect(second) as connection:
            assert connection.execute("SELECT word FROM kept").fetchone() == ("rock",)
            is_super = connection.execute("SELECT current_setting('is_superuser')").fetchone()
            assert is_super == ("off",)
    finally:
        second.stop()


@as_root
def test_parents_are_opened_only_while_it_runs_and_each_is_named(own_data_dir, tmp_path):
    tmp_path.chmod(0o700)
    said = []
    postgres = EmbeddedPostgres(own_data_dir, say=said.append)
    postgres.start()
    opened = stat.S_IMODE(tmp_path.stat().st_mode)
    postgres.stop()
    assert opened == 0o701
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert [words for words in said if words.startswith(f"{tmp_path} has mode 0701 instead of 0700")]


@as_root
def test_modes_are_restored_after_a_kill(tmp_path):
    folder = tmp_path / "home" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    OpenedParents(tmp_path / "modes.json", lambda _: None).let_pass(folder, user=12345, group=12345)
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o701
    OpenedParents(tmp_path / "modes.json", lambda _: None).restore()  # another process, later
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_redis_starts_again_over_files_it_cannot_read(own_data_dir):
    redis = EmbeddedRedis(own_data_dir)
    folder = own_data_dir / "redis"
    folder.mkdir()
    for name in ("appendonly.aof", "appendonlydir"):
        (folder / name).write_bytes(b"*1\r\n$5\r\nGARBA" * 9)
    redis.start()
    redis.stop()
    assert redis.process.poll() is not None
    assert not [path for path in own_data_dir.rglob("*") if path.is_socket()]


def test_a_long_data_dir_gets_short_private_sockets(tmp_path):
    folder = socket_folder(tmp_path / ("long" * 30))
    assert len(str(folder)) < 50
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()


def test_a_recorded_pid_that_now_is_another_process_is_not_alive():
    assert not Known("web", os.getpid(), 1).is_alive


def test_the_secret_key_is_made_once_and_private(tmp_path):
    first = secret_key(tmp_path)
    assert secret_key(tmp_path) == first
    assert len(first) > 80
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o400
