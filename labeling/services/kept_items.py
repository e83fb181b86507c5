"""Items that stay for good: what somebody has said of them would be about nothing."""

from collections.abc import Sequence

from django.db import connection

SPOKEN_OF = """
    SELECT item_id FROM labeling_verdict WHERE item_id = ANY(%(items)s)
    UNION  -- by the answer to their stack
    SELECT item_id FROM labeling_currentverdict WHERE item_id = ANY(%(items)s)
    UNION
    SELECT label.item_id FROM labeling_weaklabel label
    JOIN labeling_weakbatch batch ON batch.id = label.batch_id AND batch.reverted_at IS NULL
    WHERE label.item_id = ANY(%(items)s)
    UNION
    SELECT item_id FROM labeling_datasetentry WHERE item_id = ANY(%(items)s)
    UNION
    SELECT item_id FROM labeling_auditdraw WHERE item_id = ANY(%(items)s)
"""


def items_spoken_of(items: Sequence[int]) -> set[int]:
    """Those that were ever answered (or their stack), are weakly labeled, frozen, or drawn by an audit."""
    with connection.cursor() as cursor:
        cursor.execute(SPOKEN_OF, {"items": list(items)})
        return {item for (item,) in cursor.fetchall()}
