"""The settings of a fine-tuning run."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training.compute.answers import KINDS
from training.compute.pictures import CACHE_BYTES, Preprocessing

TRAINABLE = ("all", "head")
AUGMENTATIONS = ("none", "flip", "strong")  # see augmentation.py
LEARNING_RATES = {"all": 1e-5, "head": 1e-3}
HOW_IT_RUNS = ("num_epochs", "patience", "num_workers", "cache_bytes", "device", "weights")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is told. Two runs with the same settings, pictures and machine give the same curve."""

    architecture: str  # torchvision:resnet50
    class_names: tuple[str, ...]
    kind: str = "multi_class"
    weights: Path | None = None  # of the backbone; None: random numbers
    weights_sha256: str = ""
    drops: tuple[str, ...] = ()  # prefixes of keys in the weights that are not used
    trainable: str = "all"  # or the last layer only: head
    num_epochs: int = 100  # in all
    batch_size: int = 24
    learning_rate: float | None = None  # None: 1e-5 for all layers, 1e-3 for the head
    weight_decay: float = 1e-4  # decoupled (AdamW)
    augmentation: str = "flip"
    has_mixup: bool = True
    is_class_weighted: bool = True
    is_norm_frozen: bool = False  # batch normalization keeps what pretraining measured
    ema_decay: float | None = None  # of the average of the weights that is measured and saved
    patience: int | None = None  # epochs without a better one, then it ends
    seed: int = 0
    device: str = "auto"
    num_workers: int = 0
    cache_bytes: int = CACHE_BYTES
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        for name, value, known in (
            ("kind", self.kind, KINDS),
            ("trainable", self.trainable, TRAINABLE),
            ("augmentation", self.augmentation, AUGMENTATIONS),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        if self.num_epochs < 1 or self.batch_size < 2 or self.num_workers < 0 or self.seed < 0:
            raise ValueError(
                "num_epochs must be at least 1, batch_size at least 2, num_workers and seed at least 0; got "
                f"{self.num_epochs}, {self.batch_size}, {self.num_workers}, {self.seed}"
            )
        if not 0 < self.rate < 10 or self.weight_decay < 0:
            raise ValueError(
                f"learning_rate must be above 0 and weight_decay at least 0, got {self.rate} and "
                f"{self.weight_decay}"
            )
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"ema_decay must be between 0 and 1, got {self.ema_decay}")

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def rate(self) -> float:
        """The learning rate that is used."""
        return LEARNING_RATES[self.trainable] if self.learning_rate is None else self.learning_rate

    def as_json(self) -> dict[str, Any]:
        """What the numbers of a run depend on; not how long or where it runs."""
        said = {name: value for name, value in asdict(self).items() if name not in HOW_IT_RUNS}
        said |= {"learning_rate": self.rate, "preprocessing": self.preprocessing.as_json()}
        return said | {"class_names": list(self.class_names), "drops": list(self.drops)}
