"""The columns of a dataset version as a table, and names that no spreadsheet runs.

The lines themselves are written by PostgreSQL (services/export_copy.py).
"""

from labeling.compute.export_writers.lines import Line

COLUMNS = tuple(name for name in Line._fields if name != "media_path")  # where it lies is nobody's business
# A spreadsheet runs what begins so (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def neutral(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if text.startswith(FORMULA) else text


def intact(text: str) -> str:
    """What `neutral` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
