"""The database between tests that commit: what has rows is emptied, as `flush` would do it slowly."""

import functools
import time
from collections.abc import Iterator

import pytest
from django.core.management import CommandError
from django.core.management.commands import flush
from django.db import OperationalError, connection, transaction

# What migrations put there. `flush` empties these as well, and then makes the same rows again.
KEPT = {"auth_permission", "django_content_type"}
TRIES = 20


@functools.cache
def _tables() -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(name) for name in sorted(set(names) - KEPT)]


def _may_switch_triggers_off() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        return bool(cursor.fetchone()[0])


def empty() -> None:
    """No table has a row; what is written at this moment is waited for, what is read at it is not.

    TRUNCATE makes new files for every table and every index, rows or none: a hundred times as slow.
    """
    tables = _tables()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(" UNION ALL ".join(f"(SELECT '{each}' FROM {each} LIMIT 1)" for each in tables))
        having_rows = [each for (each,) in cursor.fetchall()]
        # Neither foreign keys nor the triggers that keep the ledger: all of it goes.
        cursor.execute("SET LOCAL session_replication_role = replica")
        for each in having_rows:
            cursor.execute(f"DELETE FROM {each}")


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """`flush` ends every test that commits: ours is `empty`, where PostgreSQL lets us."""
    emptied = flush.Command.handle

    def handle(command: flush.Command, **options: object) -> None:
        for left in reversed(range(TRIES)):
            try:
                if _may_switch_triggers_off():
                    empty()
                else:
                    emptied(command, **options)
                return
            except (CommandError, OperationalError):  # a deadlock with somebody who reads or writes
                if not left:
                    raise
                time.sleep(0.3)

    flush.Command.handle = handle
    yield
    flush.Command.handle = emptied
