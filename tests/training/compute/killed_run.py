"""A run that waits at a point until a test kills it: python -m ... DATA FOLDER EPOCHS STAGE DONE."""

import sys
import time
from pathlib import Path

from tests.training.compute.photos import examples_of, random_weights
from training.compute import fine_tuning


def main() -> None:
    data, folder, num_epochs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    stage, num_done = sys.argv[4], int(sys.argv[5])
    fine_tuning.SAVE_EVERY_BATCHES = 1  # so that a kill finds an epoch half done

    def tell(progress: fine_tuning.Progress) -> None:
        if progress.stage == stage and progress.done >= num_done:
            print("here", flush=True)
            time.sleep(600)

    settings = random_weights(num_epochs=num_epochs, ema_decay=0.9)
    fine_tuning.fine_tune(settings, examples_of(data), folder, on_progress=tell)


if __name__ == "__main__":
    main()
