"""Media for a first look, made on the spot: photos and videos in which one in eight shows a red triangle.

Backgrounds are crops of the two photographs that come with scikit-learn; shapes are drawn on them, rotated,
scaled and lit at random. The seed is fixed: every machine makes the same files.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SEED = 20261121
NUM_PHOTOS = 300
NUM_VIDEOS = 6
PHOTO_SIZE_PX = (480, 360)
VIDEO_SIZE_PX = (480, 270)
VIDEO_SECONDS = 8
VIDEO_FPS = 25
ONE_IN = 8  # photos with a red triangle
SCALE = 3  # shapes are drawn larger and reduced: smooth edges

RED, BLUE, GREEN, YELLOW, WHITE = (205, 30, 38), (35, 80, 190), (40, 140, 70), (235, 190, 40), (235, 235, 235)


def make_demo(folder: Path) -> list[Path]:
    """Write what is missing of the demo's files below `folder`; the paths of all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    backgrounds = _backgrounds()
    paths = []
    for number in range(NUM_PHOTOS):
        path = folder / "photos" / f"photo-{number:03d}.jpg"
        paths.append(_once(path, partial(_write_photo, number, backgrounds)))
    for number in range(NUM_VIDEOS):
        path = folder / "videos" / f"tour-{number}.mp4"
        paths.append(_once(path, partial(_write_video, number, backgrounds)))
    return paths


def has_triangle(number: int) -> bool:
    """Whether the photo of this number shows the red triangle."""
    return number % ONE_IN == 3


def _once(path: Path, write: Callable[[Path], None]) -> Path:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part{path.suffix}")
        write(part)
        part.rename(path)
    return path


def _backgrounds() -> list[Image.Image]:
    """Two photographs: a temple, a flower."""
    import sklearn

    folder = Path(sklearn.__file__).parent / "datasets" / "images"
    return [Image.open(folder / name).convert("RGB") for name in ("china.jpg", "flower.jpg")]


def _write_photo(number: int, backgrounds: list[Image.Image], path: Path) -> None:
    random = np.random.default_rng([SEED, number])
    picture = _crop(random, backgrounds, PHOTO_SIZE_PX)
    for _ in range(random.integers(1, 4)):
        _paste(picture, _distractor(random), *_place(random, picture.size, 50, 150))
    if has_triangle(number):
        _paste(picture, _red_triangle(random), *_place(random, picture.size, 130, 230))
    picture.save(path, quality=88)


def _write_video(number: int, backgrounds: list[Image.Image], path: Path) -> None:
    """A slow pan over a photograph; shapes pass by, in every second video a red triangle among them."""
    import av

    random = np.random.default_rng([SEED, 1000 + number])
    wide = _crop(random, backgrounds, (VIDEO_SIZE_PX[0] + 160, VIDEO_SIZE_PX[1]))
    movers = [(_distractor(random), random.uniform(0, 6), int(random.integers(10, 190))) for _ in range(4)]
    if number % 2 == 0:
        movers.append((_red_triangle(random), random.uniform(1, 5), int(random.integers(30, 150))))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=VIDEO_FPS, options={"crf": "24", "preset": "veryfast"})
        stream.width, stream.height = VIDEO_SIZE_PX
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, VIDEO_FPS)
        stream.codec_context.gop_size = VIDEO_FPS  # a key frame each second
        for picture in _tour(wide, movers):
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


def _tour(wide: Image.Image, movers: list[tuple[Image.Image, float, int]]) -> Iterator[Image.Image]:
    num_frames = VIDEO_SECONDS * VIDEO_FPS
    for frame in range(num_frames):
        left = round(160 * frame / num_frames)
        picture = wide.crop((left, 0, left + VIDEO_SIZE_PX[0], VIDEO_SIZE_PX[1]))
        for shape, start_seconds, top in movers:
            x = VIDEO_SIZE_PX[0] - round((frame / VIDEO_FPS - start_seconds) * 220)
            if -120 < x < VIDEO_SIZE_PX[0]:
                _paste(picture, shape.resize((100, 100)), x, int(top), 100)
        yield picture


def _crop(random: np.random.Generator, backgrounds: list[Image.Image], size: tuple[int, int]) -> Image.Image:
    """A random part of a random background, mirrored or not, lit differently."""
    source = backgrounds[random.integers(len(backgrounds))]
    ratio = size[0] / size[1]
    height = random.uniform(0.16, 0.5) * min(source.height, source.width / ratio)
    width = height * ratio
    left, top = random.uniform(0, source.width - width), random.uniform(0, source.height - height)
    picture = source.resize(size, box=(left, top, left + width, top + height))
    if random.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    light = random.uniform(0.6, 1.25)
    return picture.point([min(255, round(value * light)) for value in range(256)] * 3)


def _red_triangle(random: np.random.Generator) -> Image.Image:
    """The object looked for: a warning sign, red around white, a little turned."""
    side = 100 * SCALE
    shape = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(shape)
    draw.polygon(_regular(3, side / 2, side * 0.56, side * 0.5, -math.pi / 2), fill=(*RED, 255))
    draw.polygon(_regular(3, side / 2, side * 0.56, side * 0.27, -math.pi / 2), fill=(*WHITE, 255))
    draw.rectangle((side * 0.47, side * 0.42, side * 0.53, side * 0.6), fill=(20, 20, 20, 255))
    draw.ellipse((side * 0.465, side * 0.62, side * 0.535, side * 0.69), fill=(20, 20, 20, 255))
    return shape.rotate(random.uniform(-12, 12), Image.Resampling.BICUBIC)


def _distractor(random: np.random.Generator) -> Image.Image:
    """Something else: a disc, a square, a star or a triangle of another color; a red thing that is none."""
    side = 100 * SCALE
    shape = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(shape)
    kinds = [(40, BLUE), (4, YELLOW), (3, GREEN), (6, BLUE), (40, RED), (4, RED), (5, GREEN), (8, WHITE)]
    corners, color = kinds[random.integers(len(kinds))]
    turn = random.uniform(0, math.tau)
    draw.polygon(_regular(corners, side / 2, side / 2, side * 0.48, turn), fill=(*color, 255))
    if random.random() < 0.6:
        inner = WHITE if color != WHITE else BLUE
        draw.polygon(_regular(corners, side / 2, side / 2, side * 0.28, turn), fill=(*inner, 255))
    return shape


def _regular(corners: int, x: float, y: float, radius: float, turn: float) -> list[tuple[float, float]]:
    angles = [turn + math.tau * corner / corners for corner in range(corners)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


def _place(random: np.random.Generator, size: tuple[int, int], low: int, high: int) -> tuple[int, int, int]:
    """Where a shape goes and how large it is: x, y, side in pixels, wholly inside."""
    side = int(random.integers(low, high))
    return int(random.integers(0, size[0] - side)), int(random.integers(0, size[1] - side)), side


def _paste(picture: Image.Image, shape: Image.Image, x: int, y: int, side: int) -> None:
    """The shape with a soft shadow, so that it belongs to the scene."""
    small = shape.resize((side, side), Image.Resampling.LANCZOS)
    shadow = small.getchannel("A").filter(ImageFilter.GaussianBlur(side / 16)).point(lambda value: value // 3)
    picture.paste((0, 0, 0), (x + side // 16, y + side // 12), shadow)
    picture.paste(small, (x, y), small)
