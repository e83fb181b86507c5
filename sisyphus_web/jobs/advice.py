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
    "media-gone": "Bring back the file that is named, or make a new dataset version without it, then retry.",
    "labels-unreadable": "Look at what the sentence names, choose another format, then import again.",
    "labels-changed": "The file is not what was previewed: import it again.",
    "imported": "Take the import back on the page of datasets.",
    "wrong-state": "Look at the import again: it was taken or taken back meanwhile.",
    "no-features": "Wait until the features are extracted, or start that on the corpus's page, then try "
    "again.",
    "shard-unreadable": "A feature file on the disk is missing or damaged. Check the disk, extract the "
    "features again, then retry.",
    "build-self-test": "The index came out wrong and was thrown away; the old one is still in use. Retry "
    "once, then tell the operator.",
    "no-map": "Draw the map on the map's page first.",
    "nothing-inside": "Draw the lasso around some points.",
    "map-unreadable": "A file of the map is missing or damaged. Check the disk, then draw the map anew.",
    "no-such-box": "Draw a box on a frame that is neither a few pixels nor the whole of it.",
    "no-such-span": "Choose a part of the video that has frames, up to ten minutes long.",
    "wrong-unit": "Choose features of what the dataset version holds, frames or clips.",
    "only-frames": "Choose a format that holds clips, or make a version of frames.",
    "mixed-units": "Make a version of frames and another of clips: choose the unit.",
    "nothing-to-ingest": "Name a folder or finish an upload first, then start again.",
    "folder-not-allowed": "Choose a folder below one of the media roots, or ask the operator to add a root.",
    "nothing-to-rebuild": "Choose what to build again on the corpus's page.",
    "no-items": "Accept some items of the class first, then make the version again.",
    "nothing-sure": "Answer some items yourself or settle some disagreements, then draw again.",
    "several-authors": "Name the person whose answers are to be taken back.",
    "nothing-to-take": "Rank again or lower the similarity, so that there is something to take.",
    "nothing-to-audit": "Choose a deeper horizon, or a batch that is not answered yet.",
    "audit-running": "Answer on until its tiles are looked at, or stop it.",
    "looked-already": "Rank again after more answers: a new ranking is a new question.",
    "training-refused": "Mend what the sentence names, make a new dataset version, then train again.",
    "no-classes": "Choose at least one class.",
    "no-answers": "Accept and reject some items first, then make a new dataset version.",
    "no-positives": "Accept some items of the class, of several videos or photos, then make a new version.",
    "no-negatives": "Reject some neighbors of the class, then make a new dataset version.",
    "one-class-only": "Add a second class, or train with several labels, where rejects are the other side.",
    "two-classes-accepted": "Train with several labels, or decide for one class each.",
    "crossing-split": "Make a new dataset version: it keeps together what belongs together.",
    "width-mismatch": "Train again on the features that the corpus uses now.",
    "not-finite": "Extract the features of the corpus again, then train again.",
    "no-train": "Answer items of more videos or photos, then make a new dataset version with less held out.",
    "no-val": "Make a new dataset version with a larger share for val; weak labels are not judged on.",
    "empty-class": "Accept some items of the class, or leave it out, then train again.",
    "another-run": "Start a new run: the files of this one are of other settings or answers.",
    "diverged": "Train again with a lower learning rate.",
    "picture-gone": "Bring back the file that is named, or make a new dataset version without it, then train "
    "again.",
    "not-trainable": "Choose a torchvision or timm network, or train a probe on its features.",
    "no-weights": "Put the weights file that the sentence names into the model folder, then retry.",
    "no-resize": "Export without the resize: the metadata describes it and the example script does it.",
    "no-parity": "Nothing was published and the classifier is as it was. Retry once, then tell the operator.",
    "no-pictures": "Bring back some of the media files of the dataset version, then export again.",
    "no-checkpoint": "A file of the classifier is missing. Check the disk, then train again.",
    "not-a-classifier": "A file of the classifier is not what was written. Check the disk, then train again.",
    "class-not-in-version": "Choose classes of the version, or freeze a new one with the class.",
    "other-classes": "Give the classifier of these classes a name of its own.",
    "different-test-sets": "Name a dataset version: both are then judged on its test side.",
    "trained-on-test-set": "Compare on a version whose test side neither of them has learned from.",
    "not-scored": "Score the corpus with this version first.",
    "already-live": "Choose another version.",
    "classifier-damaged": "A file of the classifier is missing or damaged. Check the disk, then train again.",
    "job-error": "Read the log of the job, mend what it names, then retry.",
}


def of(code: str) -> str:
    """The sentence for `code`; for a code of a newer version, where to look."""
    return ADVICE.get(code, "Read the log of the job, then retry.")
