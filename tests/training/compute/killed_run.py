"""A run in a process of its own, that a test kills: python -m ... DATA FOLDER EPOCHS."""

import sys
from pathlib import Path

from tests.training.compute.photos import examples_of, random_weights
from training.compute import fine_tuning


def main() -> None:
    data, folder, num_epochs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    fine_tuning.SAVE_EVERY_BATCHES = 1  # so that a kill finds an epoch half done

    def tell(progress: fine_tuning.Progress) -> None:
        print(progress.stage, progress.done, flush=True)

    settings = random_weights(num_epochs=num_epochs, ema_decay=0.9)
    fine_tuning.fine_tune(settings, examples_of(data), folder, on_progress=tell)


if __name__ == "__main__":
    main()
