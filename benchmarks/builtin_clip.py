"""What the built-in clip descriptor is good for, beside the mean of frames.

    python -m benchmarks.builtin_clip VIDEOS [--photos PHOTOS] [--keys builtin-clip@1 frames:builtin@1 ...]

VIDEOS is a folder of short videos. Windows of 32 frames, every 8th, are the clips. For each encoder:
copy@1       the nearest clip to one that was cropped, made brighter and moved on by 4 frames is of its video
window@1     ... and begins within 4 frames of it
direction    a clip is nearer to its changed copy than its frames played backward are
same@1       the nearest clip that shares no frame is of the same video, where there is one
motion@5     of clips made by 12 kinds of motion over PHOTOS: the 5 nearest that are of the same kind
"""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
import numpy as np

from indexing.compute import video
from indexing.compute.encoders.samples import dead_leaves
from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_loading import load_clips
from indexing.compute.sampling import FramePolicy

SPAN, STRIDE, SHIFT, SEED = 32, 8, 4, 5
PER_KIND, WIDTH, HEIGHT = 8, 320, 240
KINDS: dict[str, Callable[[float], tuple[float, float, float]]] = {  # camera: right, down, zoom at `way`
    "pan left": lambda way: (-way, 0, 1),
    "pan right": lambda way: (way, 0, 1),
    "pan up": lambda way: (0, -way, 1),
    "pan down": lambda way: (0, way, 1),
    "zoom in": lambda way: (0, 0, 1 + way / 150),
    "zoom out": lambda way: (0, 0, 1.3 - way / 150),
    "still": lambda way: (0, 0, 1),
    "shake": lambda way: (4 * np.sin(5 * way), 4 * np.cos(7 * way), 1),
}
OBJECTS = {"object left": (-1, 0), "object right": (1, 0), "object up": (0, -1), "object down": (0, 1)}


def frames_of(path: Path) -> np.ndarray:
    return np.stack([frame.pixels for frame in video.frames(path, FramePolicy("every"), min_side_px=256)])


def changed(frames: np.ndarray) -> np.ndarray:
    """Cropped unevenly and brighter."""
    height, width = frames.shape[1:3]
    y, x = int(height * 0.08), int(width * 0.08)
    cut = frames[:, y : height - y // 2, x // 2 : width - x].astype(np.float32)
    return np.clip(cut * 1.15 + 8, 0, 255).astype(np.uint8)


def pictures(photos: Path | None) -> list[np.ndarray]:
    """Sixty backgrounds and objects: photos, or made pictures."""
    chance = np.random.default_rng(SEED)
    paths = sorted(photos.rglob("*.jpg")) if photos else []
    if not paths:
        return [dead_leaves(i, 2 * WIDTH)[: 2 * HEIGHT] for i in range(60)]
    read = [cv2.imread(str(paths[i])) for i in chance.permutation(len(paths))[:60]]
    return [cv2.cvtColor(each, cv2.COLOR_BGR2RGB) for each in read]


def moving(photos: Path | None) -> list[tuple[str, np.ndarray]]:
    """(kind, 16 frames) of every kind of motion, over different pictures, at different speeds."""
    chance = np.random.default_rng(SEED)
    scenes = [cv2.resize(each, (WIDTH + 40, HEIGHT + 30)) for each in pictures(photos)]
    found = []
    for kind in (*KINDS, *OBJECTS):
        for _ in range(PER_KIND):
            scene, thing = (scenes[i] for i in chance.integers(0, len(scenes), 2))
            thing = cv2.resize(thing, (70, 60))
            at, speed = chance.integers((60, 50), (150, 100)), chance.uniform(2, 4)
            clip = []
            for t in range(16):
                x, y, zoom = KINDS.get(kind, KINDS["still"])(t * speed)
                middle = ((WIDTH + 40) / 2, (HEIGHT + 30) / 2)
                matrix = np.array(
                    [[zoom, 0, middle[0] * (1 - zoom) + x], [0, zoom, middle[1] * (1 - zoom) + y]], np.float32
                )
                size = (WIDTH + 40, HEIGHT + 30)
                frame = cv2.warpAffine(scene, matrix, size, borderMode=cv2.BORDER_REFLECT)
                if kind in OBJECTS:
                    place = at + np.array(OBJECTS[kind]) * t * speed * 1.5
                    left, top = np.clip(place, 0, (WIDTH - 30, HEIGHT - 30)).astype(int)
                    frame[top : top + 60, left : left + 70] = thing
                noisy = frame + chance.normal(0, 3, frame.shape)
                clip.append(np.clip(noisy, 0, 255).astype(np.uint8)[15:-15, 20:-20])
            found.append((kind, np.stack(clip)))
    return found


def encoded(encoder: ClipEncoder, clips: Sequence[np.ndarray]) -> np.ndarray:
    """(N, D): T frames of each clip, every r-th."""
    steps = np.arange(encoder.num_frames) * encoder.sampling_rate
    taken = [clip[np.minimum(steps * len(clip) // SPAN, len(clip) - 1)] for clip in clips]
    return np.concatenate(
        [encoder.encode([np.stack([encoder.prepare(frame) for frame in clip])]) for clip in taken]
    )


def measure(encoder: ClipEncoder, videos: dict[str, np.ndarray], made: list[tuple[str, np.ndarray]]) -> dict:
    windows = [
        (name, at) for name, all_of in videos.items() for at in range(0, len(all_of) - SPAN + 1, STRIDE)
    ]
    names, starts = np.array([name for name, _ in windows]), np.array([at for _, at in windows])
    clips = [videos[name][at : at + SPAN] for name, at in windows]
    moved = [changed(videos[name][at + SHIFT : at + SHIFT + SPAN]) for name, at in windows]
    found, copies = encoded(encoder, clips), encoded(encoder, moved)
    backward = encoded(encoder, [clip[::-1] for clip in clips])
    nearest = (copies @ found.T).argmax(axis=1)
    is_same = names[:, None] == names
    overlaps = is_same & (np.abs(starts[:, None] - starts) < SPAN)
    has_other = (is_same & ~overlaps).any(axis=1)
    others = np.where(overlaps, -2, found @ found.T).argmax(axis=1)
    kinds = np.array([kind for kind, _ in made])
    of_kind = encoded(encoder, [clip for _, clip in made])
    similar = of_kind @ of_kind.T - 4 * np.eye(len(made))
    top = np.argsort(-similar, axis=1)[:, :5]
    return {
        "copy@1": (names[nearest] == names).mean(),
        "window@1": ((names[nearest] == names) & (np.abs(starts[nearest] - starts - SHIFT) <= 4)).mean(),
        "direction": ((copies * found).sum(axis=1) > (copies * backward).sum(axis=1) + 1e-6).mean(),
        "same@1": (names[others] == names)[has_other].mean(),
        "motion@5": (kinds[top] == kinds[:, None]).mean(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--model-dir", type=Path, default=Path("data/models"))
    parser.add_argument("--keys", nargs="*", default=["builtin-clip@1", "frames:builtin@1"])
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    paths = sorted(path for path in asked.videos.iterdir() if path.suffix in (".mkv", ".mp4", ".webm"))
    videos = {path.stem: frames_of(path) for path in paths}
    made = moving(asked.photos)
    for key in asked.keys:
        encoder = load_clips(key, model_dir=asked.model_dir, device="cpu")
        figures = measure(encoder, videos, made)
        print(f"{key:36s}", "  ".join(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
