"""Which line of an import said something first, however many lines lie between: in a table, not in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection

MAKE = """
    CREATE TEMPORARY TABLE import_first (
        target text, label_class text, number bigint, answer text, place text,
        PRIMARY KEY (target, label_class)
    )
"""
ADD = """
    INSERT INTO import_first (target, label_class, number, answer, place)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[]) AS line
        (target, label_class, number, answer, place)
    ORDER BY number ON CONFLICT DO NOTHING
"""
FIND = """
    SELECT target, label_class, number, answer, place FROM import_first
    JOIN unnest(%s::text[], %s::text[]) AS asked (target, label_class) USING (target, label_class)
"""


class Said(NamedTuple):
    """What a line says: of which item (or box that will be one), of which class."""

    target: str
    label_class: str
    number: int  # of the line, from 0
    answer: str
    place: str


class FirstLines:
    """The lines of one reading; the table is of this connection, and goes with it or with `forget`."""

    def __init__(self) -> None:
        self._is_made = False

    def keep(self, lines: Sequence[Said]) -> list[Said]:
        """For each line the first one that said something of its item and class: itself, or an earlier one.

        Undone with the transaction it is called in.
        """
        if not lines:
            return []
        targets, classes, *others = map(list, zip(*lines, strict=True))
        with connection.cursor() as cursor:
            if not self._is_made:
                cursor.execute("DROP TABLE IF EXISTS import_first")
                cursor.execute(MAKE)
                self._is_made = True
            cursor.execute(ADD, [targets, classes, *others])
            cursor.execute(FIND, [targets, classes])
            firsts = {(target, name): Said(target, name, *rest) for target, name, *rest in cursor.fetchall()}
        return [firsts[line.target, line.label_class] for line in lines]

    def forget(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS import_first")
        self._is_made = False
