"""Small sets of real photos for tests of networks: three classes, small pictures, few steps."""

from pathlib import Path

from training.compute.examples import Example
from training.compute.image_folders import one_of
from training.compute.pictures import Preprocessing
from training.compute.settings import Settings

CLASSES = ("okapi", "pagoda", "wild_cat")
SMALL = Preprocessing(short_side_px=73, side_px=64)
TINY = Preprocessing(short_side_px=36, side_px=32)


def photos_of(shared_data: Path, name: str, num: int = 12) -> list[Path]:
    return sorted((shared_data / "photos" / name).glob("*.jpg"))[:num]


def examples_of(shared_data: Path, num: int = 12, classes: tuple[str, ...] = CLASSES) -> list[Example]:
    """`num` photos of each class, every third in val."""
    return [
        Example(path, one_of(classes, name), "val" if i % 3 == 0 else "train", f"{name}/{path.name}")
        for name in classes
        for i, path in enumerate(photos_of(shared_data, name, num))
    ]


def pretrained(shared_weights: Path, **changes) -> Settings:
    """Real weights, whose batch normalization was folded away by their publisher."""
    told = {
        "class_names": CLASSES,
        "weights": shared_weights / "mobilenet_v2_imagenet_fp16.pt",
        "weights_sha256": "of the test",
        "learning_rate": 1e-4,
        "num_epochs": 3,
        "batch_size": 8,
        "device": "cpu",
        "preprocessing": SMALL,
    }
    return Settings("torchvision:mobilenet_v2", **(told | changes))


def random_weights(**changes) -> Settings:
    """A small network that begins with random numbers: quick, and it learns little."""
    told = {
        "class_names": CLASSES,
        "weights_sha256": "random",
        "learning_rate": 1e-3,
        "num_epochs": 2,
        "batch_size": 8,
        "device": "cpu",
        "preprocessing": TINY,
    }
    return Settings("torchvision:shufflenet_v2_x0_5", **(told | changes))
