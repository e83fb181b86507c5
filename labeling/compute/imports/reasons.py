"""Why a line of an import was not taken, in words: one for each code that stands in reports and counts."""

REASONS = {
    "ambiguous-media": "several media files may be meant",
    "bad-box": "the box is no box inside its picture",
    "bad-span": "the span is no part of its video",
    "bad-class": "the class has no name that a class can have",
    "box-rejected": "a rejected box says nothing of its frame",
    "contradicts": "an earlier line says otherwise",
    "imported-before": "imported before",
    "no-class": "no class is named",
    "no-media": "no media file is named",
    "no-region": "a box, and this corpus has no regions",
    "no-time": "a video without the time of the frame",
    "retired-class": "the class was retired",
    "said-already": "answered so already",
    "said-otherwise": "somebody answered otherwise, which stays",
    "said-twice": "an earlier line says the same",
    "unknown-answer": "neither accept nor reject nor unsure",
    "unknown-class": "the class is gone",
    "unknown-frame": "there is no item at that time",
    "unknown-item": "the item was deleted just now",
    "unknown-media": "there is no such media file here",
    "unreadable": "the line cannot be read",
    "weak-accepts-only": "weak labels are accepts",
    "weak-already": "there is such a weak label already",
}


def in_words(code: str) -> str:
    """The words for a code; the code itself for one of a newer version."""
    return REASONS.get(code, code)
