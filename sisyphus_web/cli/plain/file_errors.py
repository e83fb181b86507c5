"""What a file system refuses, as people are told: where, what is kept, and what to do."""

import errno

AGAIN = "and run the same again"
ADVICE = {
    errno.ENOSPC: f"Free some space or name another folder, {AGAIN}.",
    errno.EDQUOT: f"Free some of your share of the disk or name another folder, {AGAIN}.",
    errno.EFBIG: f"Raise the limit (ulimit -f) or name a folder on another file system, {AGAIN}.",
    errno.EROFS: f"Name another folder, {AGAIN}.",
    errno.EACCES: f"Let this user read and write there or name another place, {AGAIN}.",
    errno.EPERM: f"Let this user read and write there or name another place, {AGAIN}.",
    errno.EIO: "The disk may be damaged.",
    errno.ENOTDIR: "A file is where a folder should be: name another place.",
    errno.EISDIR: "A folder is where a file should be: name another place.",
    errno.EEXIST: "Something else has that name: name another place.",
    errno.ENAMETOOLONG: "Name a shorter one.",
    errno.ENOENT: f"It may have gone meanwhile: look there, {AGAIN}.",
    errno.EMFILE: f"Raise the limit (ulimit -n) {AGAIN}.",
}
FILE_ERRORS = tuple(ADVICE)


def sentences_of(error: OSError) -> str:
    """Where it was, and what to do; for the numbers in `FILE_ERRORS`."""
    at = f"{error.filename}: " if error.filename else ""
    return f"{at}{error.strerror}; what was done stays done. {ADVICE.get(error.errno or 0, '')}".rstrip()
