"""Vectors and feature sets made for tests: clustered, seeded, with items behind them."""

from __future__ import annotations

import numpy as np

from indexing.compute.features import Features, normalize, write_shard
from indexing.models import FeatureRow, FeatureSet, FeatureShard, Item, MediaFile, Stack
from indexing.services.features import shard_folder

WIDTH = 32


def clustered(
    num: int, width: int = WIDTH, *, num_clusters: int = 20, spread: float = 0.4, seed: int = 0
) -> np.ndarray:
    """(num, width) float32 unit vectors around seeded centers; row i is of cluster i % num_clusters."""
    rng = np.random.default_rng(seed)
    centers = normalize(rng.standard_normal((num_clusters, width)))
    around = spread * rng.standard_normal((num, width)) / np.sqrt(width)
    return normalize(centers[np.arange(num) % num_clusters] + around)


def make_feature_set(corpus, *, width: int = WIDTH, encoder: str = "builtin@1") -> FeatureSet:
    return FeatureSet.objects.create(corpus=corpus, encoder=encoder, width=width, is_active=True)


def add_items(
    feature_set: FeatureSet, vectors: np.ndarray, *, kind: str = "image", num_per_stack: int = 1
) -> list[Item]:
    """Items with these vectors as one more shard: a photo each, or frames of one video a second apart."""
    corpus = feature_set.corpus
    start = MediaFile.objects.count()
    num_files = len(vectors) if kind == "image" else 1
    files = MediaFile.objects.bulk_create(
        MediaFile(
            corpus=corpus, sha256=f"{start + n:064x}", kind=kind, name=f"{kind} {n}", size_bytes=1,
            path="/none", state="done",
        )
        for n in range(num_files)
    )  # fmt: skip
    stacks = []
    if num_per_stack > 1:
        num_stacks = -(-len(vectors) // num_per_stack)
        stacks = Stack.objects.bulk_create(Stack(corpus=corpus) for _ in range(num_stacks))
    items = Item.objects.bulk_create(
        Item(
            corpus=corpus,
            media_file=files[n] if kind == "image" else files[0],
            start_pts=n,
            stop_pts=n + 1,
            pts_seconds=float(n),
            stack=stacks[n // num_per_stack] if stacks else None,
        )
        for n in range(len(vectors))
    )
    add_shard(feature_set, items, vectors)
    return items


def add_shard(feature_set: FeatureSet, items: list[Item], vectors: np.ndarray) -> FeatureShard:
    """What the feature job leaves: two files and their rows."""
    ids = np.array([item.pk for item in items], np.int64)
    files = write_shard(shard_folder(feature_set), Features(vectors, ids, feature_set.encoder))
    shard = FeatureShard.objects.create(feature_set=feature_set, **files._asdict())
    FeatureRow.objects.bulk_create(
        FeatureRow(feature_set=feature_set, item=item, shard=shard, row=row) for row, item in enumerate(items)
    )
    return shard
