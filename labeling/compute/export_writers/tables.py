"""What tables of labels have in common: the columns of boxes, and names that no spreadsheet runs.

The lines themselves are written by PostgreSQL (services/export_copy.py).
"""

# The part of its frame that an answer was about, in shares of it; only in a table that has such lines.
BOX_COLUMNS = ("box_x0", "box_y0", "box_x1", "box_y1")
# A spreadsheet runs what begins so (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def neutral(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if text.startswith(FORMULA) else text


def intact(text: str) -> str:
    """What `neutral` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
