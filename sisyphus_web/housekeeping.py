"""What the active dispatcher does now and then, of every app. It has no home of its own in any of them."""

from indexing.services import builds, projections, uploads
from labeling.services import counts, exports, imports, leases, query_images
from sisyphus_web import audit, idempotency
from sisyphus_web.accounts import services as accounts
from sisyphus_web.jobs.dispatcher import Periodic
from training.services import onnx, versions

QUARTER_HOUR = 900
HOUR = 3600


def periodic() -> list[Periodic]:
    """Everything periodic, in the order it is tried."""
    return [
        Periodic("check that the books balance", QUARTER_HOUR, audit.check_and_log),
        Periodic("put running counts together", QUARTER_HOUR, counts.put_together),
        Periodic("remove index builds that were never published", HOUR, builds.remove_orphans),
        Periodic("remove files of maps that nobody has any more", HOUR, projections.remove_orphans),
        Periodic("remove exports that were never published", HOUR, exports.remove_orphans),
        Periodic("remove classifiers that were never published", HOUR, versions.remove_orphans),
        Periodic("remove what runs of training left for a retry", HOUR, versions.remove_run_folders),
        Periodic("remove ONNX files that were never published", HOUR, onnx.remove_orphans),
        Periodic("remove imports that were given up", HOUR, imports.remove_orphans),
        Periodic("remove uploads that were given up", HOUR, uploads.remove_abandoned),
        Periodic("remove images nobody searches with", HOUR, query_images.remove_old),
        Periodic("forget leases that ran out", HOUR, leases.forget_expired),
        Periodic("forget old answers to idempotency keys", HOUR, idempotency.forget_old),
        Periodic("forget old sign-ins and sessions", HOUR, accounts.forget_old_logins),
    ]
