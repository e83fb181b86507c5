"""Where files lie on this server is for who runs it and for managers; others get names."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings

from sisyphus_web.accounts.models import Membership, Role

# A path of two parts and more; a date or a fraction (1/2) is none, since it begins with no slash.
PATH = re.compile(r"""(?<![\w/.:])/(?:[^\s/'"<>|]+/)+([^\s/'"<>|]*)""")


def sees_paths(user: Any, corpus_id: int | None) -> bool:
    """Whether `user` may know paths: an operator, or a manager of the corpus."""
    if user.is_operator:
        return True
    mine = Membership.objects.filter(corpus=corpus_id, user=user.pk, role=Role.MANAGER)
    return corpus_id is not None and mine.exists()


def without_paths(text: str) -> str:
    """`text` with paths below a media root or the data directory cut to what follows, others to their end."""
    roots = [*settings.MEDIA_ROOTS, settings.DATA_DIR, settings.MODEL_DIR, settings.BASE_DIR]
    for root in sorted(map(str, roots), key=len, reverse=True):
        text = text.replace(f"{root}/", "")
    return PATH.sub(lambda found: found.group(1) or "a folder", text)


def last_part(path: str) -> str:
    """The name of a folder or file without where it lies; '' of ''."""
    return path.rstrip("/").rpartition("/")[2]
