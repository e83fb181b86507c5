"""What must be true of indexing at any time; `manage.py audit` and the dispatcher ask for it."""

from indexing.services import builds


def problems() -> list[str]:
    """One sentence per thing that is wrong; empty when all is well."""
    return builds.problems()
