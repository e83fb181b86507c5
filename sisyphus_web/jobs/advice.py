"""What to do about a failed job: one sentence per error code, kept beside the codes' meaning for people."""

ADVICE = {
    "internal": "This is a bug of ours. Retry once; if it fails again, tell the operator the job's number.",
    "worker-lost": "The worker went away several times. Look at its memory and its log, then retry.",
    "poison": "Its process was killed twice, most likely for memory. Give the worker more memory or the job "
    "smaller input, then retry.",
    "no-space": "The disk is full. Free space in the data directory, then retry; finished parts are kept.",
    "out-of-memory": "The worker ran out of memory. Close programs or use a smaller encoder, then retry.",
    "gpu-oom": "The GPU ran out of memory. Use a smaller encoder or free the GPU, then retry.",
    "encoder-not-usable": "Put the weights file that the sentence names into the model folder, or choose "
    "another encoder, then retry.",
    "weights-changed": "Put the old weights file back and retry, or choose the encoder again on the corpus's "
    "page to make a new feature set.",
    "feature-set-incomplete": "Let the encoder extract the missing items first, then switch to it.",
    "job-error": "Read the log of the job, mend what it names, then retry.",
}


def of(code: str) -> str:
    """The sentence for `code`; for a code of a newer version, where to look."""
    return ADVICE.get(code, "Read the log of the job, then retry.")
