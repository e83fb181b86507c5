"""Fine-tuning a network: deterministic with a seed, stopped and continued at any batch.

Every random number is drawn from (seed, epoch, batch or picture), so a continued run draws what an
undisturbed one does and no generator's state is kept; optimizer, average and place in the epoch are.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from indexing.compute.media_facts import MediaRefused
from training.compute import examples as sets
from training.compute.augmentation import augmented, mixup
from training.compute.checkpoints import BEST, LAST, Checkpoint
from training.compute.epoch_metrics import metrics
from training.compute.examples import Example
from training.compute.head_start import solved_head
from training.compute.learners import Learner
from training.compute.losses import class_weights
from training.compute.pictures import PictureReader
from training.compute.refusals import TrainingRefused
from training.compute.run_folders import RunFolder
from training.compute.settings import Settings
from training.compute.standing import FineTuned, Progress, Refused, Standing

SAVE_EVERY_BATCHES = 200  # within a long epoch: so much is lost at a kill, at most
ORDER, VARIED, MIXED, DROPPED = range(4)  # what a generator is for


def fine_tune(
    settings: Settings,
    examples: Sequence[Example],
    folder: Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    start: Checkpoint | None = None,
) -> FineTuned:
    """Train up to `settings.num_epochs` epochs in all; best, last and curve.jsonl are in `folder`.

    Where `folder` holds a run's last checkpoint it goes on from there, else from `start` (with its optimizer
    where it has one), else from the weights. TrainingRefused for a set that cannot be learned from and for a
    folder of another run. A picture that cannot be read is left out and listed.
    """
    sources = [each.source for each in examples]
    with PictureReader(
        sources,
        settings.preprocessing,
        num_workers=settings.num_workers,
        cache_bytes=settings.cache_bytes,
    ) as reader:
        run = _Run(settings, examples, folder, reader, on_progress, should_stop)
        with (
            torch.random.fork_rng(enabled=True),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
        ):
            return run.run(start)


class _Run:
    def __init__(
        self,
        settings: Settings,
        examples: Sequence[Example],
        folder: Path,
        reader: PictureReader,
        on_progress: Callable[[Progress], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self._settings, self._examples, self._folder, self._reader = settings, examples, folder, reader
        self._on_progress = on_progress or (lambda progress: None)
        self._should_stop = should_stop or (lambda: False)
        self._refused: list[Refused] = []
        self._standing, self._done = Standing(), 0

    def run(self, start: Checkpoint | None) -> FineTuned:
        settings = self._settings
        sets.check(self._examples, settings.class_names, settings.kind)
        if not self._read_all():
            return self._ended(is_finished=False, why="stopped")
        usable = [self._examples[i] for i in self._usable]
        sets.check(usable, settings.class_names, settings.kind)
        targets = sets.targets_of(self._examples, settings.num_classes)
        self._targets = torch.from_numpy(targets)
        self._train = np.array([i for i in self._usable if self._examples[i].side == "train"])
        self._val = np.array([i for i in self._usable if self._examples[i].side == "val"])
        weights = class_weights(targets[self._train], settings.kind) if settings.is_class_weighted else None
        self._learner = Learner(settings, weights)
        about = {
            "examples_sha256": sets.fingerprint(usable, settings.class_names),
            "num_train": len(self._train),
            "num_val": len(self._val),
        }
        self._run_folder = RunFolder(self._folder, settings, about)
        self._standing = self._run_folder.restored(self._learner, start)
        self._done = self._standing.epoch * (len(self._train) + len(self._val)) + self._standing.num_seen
        is_new = start is None and self._standing.epoch == 0 and self._standing.batch == 0
        is_frozen = settings.trainable == "head" and settings.weights is not None
        if is_new and is_frozen and not self._start_head():
            return self._ended(is_finished=False, why="stopped")
        return self._train_epochs()

    def _start_head(self) -> bool:
        """The first epoch of a head alone: where a probe on its features ends. False: stopped."""
        parts: list[np.ndarray] = []
        batches = in_batches(self._train, self._settings.batch_size)
        for rows, images in self._images(
            batches, lambda _, pixels: self._settings.preprocessing.middle(pixels)
        ):
            if self._should_stop():
                return False
            features = self._learner.head_inputs(images)
            if features is None:
                return True
            parts.append(features)
            self._done += len(rows)
            self._tell("training", self._done, self._total())
        features, targets = np.concatenate(parts), self._targets[self._train]
        found = solved_head(features, targets.numpy(), self._settings)
        if found is None:
            self._done = 0
            return True
        self._learner.start_head(*found)
        loss = self._learner.plain_loss(features @ found.weights.T + found.bias, targets)
        self._standing.add_batch(loss, len(features))
        logits = self._validate()
        if logits is None:
            self._standing, self._done = Standing(), 0
            return False
        self._end_epoch(logits)
        return True

    def _read_all(self) -> bool:
        """Every picture once: what cannot be read is known before anything is learned. False: stopped."""
        self._usable: list[int] = []
        everything = range(len(self._examples))
        answers = self._reader.read_many(everything, lambda number, pixels: pixels[:1, :1])
        for number, answer in zip(everything, answers, strict=False):
            if isinstance(answer, MediaRefused):
                self._refused.append(Refused(self._examples[number].name, answer.code, answer.sentence))
            else:
                self._usable.append(number)
            if number % self._settings.batch_size == 0:
                if self._should_stop():
                    return False
                self._tell("reading", number + 1, len(self._examples))
        return True

    def _train_epochs(self) -> FineTuned:
        settings = self._settings
        while self._standing.epoch < settings.num_epochs:
            if settings.patience is not None and self._standing.num_stale >= settings.patience:
                return self._ended(is_finished=True, why=f"no better for {settings.patience} epochs")
            if not self._train_epoch():
                self._run_folder.save_last(self._standing, self._learner)
                return self._ended(is_finished=False, why="stopped")
            logits = self._validate()
            if logits is None:
                self._run_folder.save_last(self._standing, self._learner)
                return self._ended(is_finished=False, why="stopped")
            self._end_epoch(logits)
        return self._ended(is_finished=True, why="all epochs")

    def _train_epoch(self) -> bool:
        """The batches of an epoch that are not done yet; False: stopped."""
        settings, standing, epoch = self._settings, self._standing, self._standing.epoch
        order = self._train[self._draws(ORDER, epoch).permutation(len(self._train))]
        batches = in_batches(order, settings.batch_size)
        todo = batches[standing.batch :]

        def vary(number: int, pixels: np.ndarray) -> np.ndarray:
            draws = self._draws(VARIED, epoch, number)
            return augmented(pixels, settings.preprocessing, settings.augmentation, draws)

        self._learner.begin_training()
        for rows, images in self._images(todo, vary):
            mixed = None
            if settings.has_mixup:
                mixed = mixup(self._learner.placed(images), self._draws(MIXED, epoch, standing.batch))
            torch.manual_seed(int(self._draws(DROPPED, epoch, standing.batch).integers(1 << 62)))
            loss = self._learner.step(images, self._targets[rows], mixed)
            if not np.isfinite(loss):
                raise TrainingRefused(
                    "diverged",
                    f"The loss is no longer a number in epoch {epoch + 1}; lower the learning rate.",
                )
            standing.add_batch(loss, len(rows))
            self._done += len(rows)
            self._tell("training", self._done, self._total())
            if standing.batch < len(batches) and standing.batch % SAVE_EVERY_BATCHES == 0:
                self._run_folder.save_last(self._standing, self._learner)
            if self._should_stop():
                return False
        return True

    def _validate(self) -> np.ndarray | None:
        """(N, C) float32 logits of the val side; None: stopped."""
        parts = []
        batches = in_batches(self._val, self._settings.batch_size)
        for rows, images in self._images(
            batches, lambda _, pixels: self._settings.preprocessing.middle(pixels)
        ):
            parts.append(self._learner.logits(images))
            self._done += len(rows)
            self._tell("validation", self._done, self._total())
            if self._should_stop():
                return None
        return np.concatenate(parts)

    def _end_epoch(self, logits: np.ndarray) -> None:
        settings, targets = self._settings, self._targets[self._val]
        row = self._standing.end_epoch(
            {
                "epoch": self._standing.epoch + 1,
                "train_loss": self._standing.train_loss,
                "val_loss": self._learner.plain_loss(logits, targets),
                **metrics(logits, targets.numpy(), settings.kind, settings.class_names),
            },
            settings.kind,
        )
        # Best before last: killed between the two, the epoch is done again and gives the same.
        if row["is_best"]:
            self._run_folder.save_best(self._standing, self._learner)
        self._run_folder.save_last(self._standing, self._learner)
        self._tell("training", self._done, self._total(), row)

    def _images(
        self, batches: list[np.ndarray], make: Callable[[int, np.ndarray], np.ndarray]
    ) -> Iterator[tuple[np.ndarray, torch.Tensor]]:
        """Each batch's row numbers and its pictures (N, 3, S, S) uint8."""
        answers = self._reader.read_many([int(i) for rows in batches for i in rows], make)
        for rows in batches:
            pictures = []
            for number in rows:
                answer = next(answers)
                if isinstance(answer, MediaRefused):
                    name = self._examples[number].name
                    raise TrainingRefused(
                        "picture-gone", f"{name} could be read before and cannot now: {answer.sentence}"
                    )
                pictures.append(answer)
            yield rows, torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)

    def _draws(self, purpose: int, *place: int) -> np.random.Generator:
        return np.random.default_rng([self._settings.seed, purpose, *place])

    def _total(self) -> int:
        return self._settings.num_epochs * (len(self._train) + len(self._val))

    def _tell(self, stage: str, done: int, total: int, row: dict[str, Any] | None = None) -> None:
        epoch = 0
        if stage != "reading":
            epoch = min(self._standing.epoch + (row is None), self._settings.num_epochs)
        self._on_progress(Progress(stage, epoch, self._settings.num_epochs, done, total, row))

    def _ended(self, *, is_finished: bool, why: str) -> FineTuned:
        best, last = self._folder / BEST, self._folder / LAST
        return FineTuned(best, last, self._standing.rows, self._refused, is_finished, why)


def in_batches(numbers: np.ndarray, size: int) -> list[np.ndarray]:
    """Runs of `size`; a single one at the end joins the run before: one row cannot be normalized over."""
    starts = list(range(0, len(numbers), size))
    if len(starts) > 1 and len(numbers) - starts[-1] == 1:
        starts.pop()
    return [numbers[a:b] for a, b in zip(starts, [*starts[1:], len(numbers)], strict=True)]
