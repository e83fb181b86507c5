"""How `sfi` prints."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

WHOLE = ("id", "kind", "status")  # words of a few letters: the long columns beside them wrap instead


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Rows under their columns; numbers to the right; `empty` if there are none."""
    console = Console(highlight=False, soft_wrap=False)
    if not rows:
        console.print(empty, markup=False)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_number = all(isinstance(row[column], int | float) for row in rows)
        shown.add_column(
            column.replace("_", " "),
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=column in WHOLE,
        )
    for row in rows:
        shown.add_row(*(str(row[column]).replace("[", "\\[") for column in columns))
    console.print(shown)


def bytes_in_words(number: float) -> str:
    """1536 -> "1.5 KiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
