"""Fine-tuning against LogisticRegression of scikit-learn on frozen features of the same network and pictures.

    python -m benchmarks.train_networks --photos DIR --weights mobilenet_v2=FILE.pt [--classes 24] [--side 64]

DIR has a folder of photos per class. Of classes from the largest to the rarest, evenly spaced, at most 40
photos each are taken; every fourth is kept aside. Rows: scikit-learn's best of five C (chosen on the photos
kept aside, in its favor), the head alone and all layers fine-tuned. Accuracy and macro average precision on
the photos kept aside; CPU seconds.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from indexing.compute.features import normalize
from indexing.compute.files import sha256_of
from training.compute.classifiers import Classifier, load_classifier
from training.compute.examples import Example
from training.compute.fine_tuning import fine_tune
from training.compute.image_folders import one_of
from training.compute.pictures import PictureReader, Preprocessing
from training.compute.settings import Settings

MOST_PER_CLASS = 40
LEFT_OUT = "BACKGROUND_Google"
PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)


def examples_of(photos: Path, num_classes: int) -> tuple[tuple[str, ...], list[Example]]:
    """The names of classes from the largest to the rarest, and their photos; every fourth is in val."""
    folders = {
        each.name: sorted(each.glob("*.jpg"))
        for each in photos.iterdir()
        if each.is_dir() and each.name != LEFT_OUT
    }
    by_size = sorted(folders, key=lambda name: (-len(folders[name]), name))
    names = tuple(sorted(by_size[round(i)] for i in np.linspace(0, len(by_size) - 1, num_classes)))
    return names, [
        Example(path, one_of(names, name), "val" if i % 4 == 0 else "train", f"{name}/{path.name}")
        for name in names
        for i, path in enumerate(folders[name][:MOST_PER_CLASS])
    ]


def measured(scores: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Accuracy, and average precision by scikit-learn, mean over the classes."""
    right = scores.argmax(axis=1) == targets.argmax(axis=1)
    precisions = [average_precision_score(targets[:, c], scores[:, c]) for c in range(targets.shape[1])]
    return {"accuracy": round(float(right.mean()), 4), "macro_ap": round(float(np.mean(precisions)), 4)}


def prepared(examples: list[Example], preprocessing: Preprocessing) -> list[np.ndarray]:
    with PictureReader([each.source for each in examples], preprocessing) as reader:
        return list(reader.read_many(range(len(examples)), lambda _, pixels: preprocessing.middle(pixels)))


def features_of(settings: Settings, pictures: list[np.ndarray]) -> np.ndarray:
    """(N, D) of the network without its last layer."""
    import torch

    from training.compute import checkpoints, networks

    network = networks.build(settings.architecture, 2, weights=settings.weights)
    facts = checkpoints.Facts(settings.architecture, ("a", "b"), "multi_class", settings.preprocessing)
    bare = Classifier(checkpoints.Checkpoint(Path("none"), facts, network.state_dict()), device="cpu")
    bare.class_names = ("",) * bare.graph.network.classifier[1].in_features
    bare.graph.network.classifier[1] = torch.nn.Identity()
    return bare.logits_of_prepared(pictures)


def frozen(settings: Settings, examples: list[Example], pictures: list[np.ndarray]) -> dict:
    """scikit-learn's LogisticRegression on features, with its best penalty."""
    begun = time.process_time()
    features = StandardScaler().fit_transform(normalize(features_of(settings, pictures)))
    is_val = np.array([each.side == "val" for each in examples])
    targets = np.array([each.target for each in examples])
    found = []
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=300, class_weight="balanced")
        model.fit(features[~is_val], targets[~is_val].argmax(axis=1))
        found.append({"C": penalty} | measured(model.predict_proba(features[is_val]), targets[is_val]))
    best = max(found, key=lambda row: (row["accuracy"], row["macro_ap"]))
    return best | {"cpu_seconds": round(time.process_time() - begun, 1)}


def tuned(settings: Settings, examples: list[Example], pictures: list[np.ndarray]) -> dict:
    """A run, and its best checkpoint on the photos kept aside."""
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = fine_tune(settings, examples, Path(folder))
        seconds = time.process_time() - begun
        is_val = [each.side == "val" for each in examples]
        logits = load_classifier(Path(folder), device="cpu").logits_of_prepared(
            [pixels for pixels, is_in in zip(pictures, is_val, strict=True) if is_in]
        )
    scores = softmax(logits, axis=1)  # a class is ranked by its probability, as scikit-learn's is
    targets = np.array([each.target for each in examples])[is_val]
    row = measured(scores, targets)
    num_seen = len(result.rows) * (len(examples) - sum(is_val))
    return row | {
        "epochs": len(result.rows),
        "best_epoch": (result.best_row or {}).get("epoch"),
        "cpu_seconds": round(seconds, 1),
        "trained_pictures_per_cpu_second": round(num_seen / seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--weights", required=True, metavar="NAME=FILE", help="of a MobileNetV2")
    parser.add_argument("--classes", type=int, default=24)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    name, _, path = arguments.weights.partition("=")
    names, examples = examples_of(arguments.photos, arguments.classes)
    settings = Settings(
        f"torchvision:{name}",
        names,
        weights=Path(path),
        weights_sha256=sha256_of(Path(path)),
        num_epochs=arguments.epochs,
        device="cpu",
        preprocessing=Preprocessing(short_side_px=round(arguments.side * 8 / 7), side_px=arguments.side),
    )
    pictures = prepared(examples, settings.preprocessing)
    rows = {
        "scikit-learn on features": frozen(settings, examples, pictures),
        "head": tuned(replace(settings, trainable="head"), examples, pictures),
        "all layers": tuned(replace(settings, learning_rate=2e-4, ema_decay=0.98), examples, pictures),
    }
    load = os.getloadavg()[0]
    facts = {
        "load_average": load,
        "timings": "valid" if load <= (os.cpu_count() or 1) else "INVALID: the machine had other work",
        "num_train": sum(each.side == "train" for each in examples),
        "num_val": sum(each.side == "val" for each in examples),
        "classes": list(names),
        "side_px": arguments.side,
        "rows": rows,
        "minus_scikit_learn": {
            name: {
                measure: round(rows[name][measure] - rows["scikit-learn on features"][measure], 4)
                for measure in ("accuracy", "macro_ap")
            }
            for name in ("head", "all layers")
        },
    }
    text = json.dumps(facts, indent=1)
    print(text)
    if arguments.results:
        arguments.results.write_text(text + "\n")


if __name__ == "__main__":
    main()
