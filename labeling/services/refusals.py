"""Why an operation is not recorded, as a sentence that says what to do."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "answered-since": "Somebody has answered it since you saw it: look again.",
    "bad-box": "The box is not x0, y0, x1, y1 with x0 below x1 and y0 below y1.",
    "operation-used-elsewhere": "This operation id was used in another corpus: make a new one.",
    "retired-class": "This class was retired: bring it back or choose another.",
    "unknown-class": "There is no such class in this corpus.",
    "unknown-item": "There is no such item in this corpus: it was deleted, or the corpus is another one.",
    "unknown-round": "There is no such ranking in this corpus: rank again, or leave the round out.",
}
