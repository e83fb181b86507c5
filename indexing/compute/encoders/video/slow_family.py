"""The ResNets that see clips (SlowFast, Slow, C2D, I3D, with non-local blocks): what tells one from another.

SlowFast and Slow: Feichtenhofer et al. 2019, arXiv 1812.03982, tables 1 and 7; C2D, I3D and non-local blocks:
Wang et al. 2018, arXiv 1711.07971, table 1; I3D by inflation: Carreira and Zisserman 2017, arXiv 1705.07750.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from indexing.compute.encoders.specs import EncoderUnknown

NUM_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}  # of the stages s2 to s5
POOLS = ("head256", "head224")
AFFINITIES = ("softmax", "dot_product")
KINDS = ("slowfast", "slow", "c2d", "i3d")
MAX_TIMED_BLOCKS = NUM_BLOCKS[50]  # an R101 looks over time in as many blocks of a stage as an R50
HEAD224_CELLS = 7  # side of the map of a 224 px frame

# Frames that the stem, and in turn the blocks of s2 to s5, look at.
_SLOW = (1, ((1,), (1,), (3,), (3,)))
_FAST = (5, ((3,), (3,), (3,), (3,)))
_LOOKS: dict[str, tuple[tuple[int, tuple[tuple[int, ...], ...]], ...]] = {
    "slowfast": (_SLOW, _FAST),
    "slow": (_SLOW,),
    "c2d": ((1, ((1,), (1,), (1,), (1,))),),
    "i3d": ((5, ((3,), (3, 1), (3, 1), (1, 3))),),
}
_NON_LOCAL = {50: ((), (1, 3), (1, 3, 5), ()), 101: ((), (), (6, 13, 20), ())}
# Frames x sampling rate of the slow pathway -> (alpha, frames of the fusion's convolution), as published.
_SLOWFAST_SIZES = {
    (50, "4x16"): (8, 5),
    (50, "8x8"): (4, 7),
    (50, "16x8"): (4, 5),
    (101, "4x16"): (8, 5),
    (101, "8x8"): (4, 5),
    (101, "16x8"): (4, 5),
}


@dataclass(frozen=True, slots=True)
class SlowFamily:
    """One network; the kernels of a pathway are the frames that its stem and each of its blocks look at."""

    kind: str
    depth: int
    stem_kernels: tuple[int, ...]  # [pathway]: the slow or only one, then the fast one
    block_kernels: tuple[tuple[tuple[int, ...], ...], ...]  # [pathway][stage s2..s5][block]
    width: int = 64  # channels of the slow stem
    beta_inv: int = 8  # the fast pathway is so many times narrower
    alpha: int = 4  # the slow pathway sees every alpha-th frame; not in the weights
    fusion_ratio: int = 2  # channels given to the slow pathway for each of the fast one
    fusion_kernel: int = 7  # frames that this convolution looks at
    time_pool: int = 1  # frames max-pooled into one after s2; not in the weights
    non_local: tuple[tuple[int, ...], ...] = ((), (), (), ())  # [stage]: the blocks that one follows
    affinity: str = "softmax"  # of non-local blocks; not in the weights
    pool: str = "head256"
    num_classes: int | None = None  # None: without the head that gives scores of classes

    def __post_init__(self) -> None:
        for name, value, known in (
            ("kind", self.kind, KINDS),
            ("depth", self.depth, tuple(NUM_BLOCKS)),
            ("pool", self.pool, POOLS),
            ("affinity", self.affinity, AFFINITIES),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, got {value!r}")
        for name in ("alpha", "beta_inv", "fusion_ratio", "fusion_kernel", "time_pool", "width"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for blocks in self.block_kernels:
            if tuple(map(len, blocks)) != NUM_BLOCKS[self.depth]:
                raise ValueError(
                    f"an R{self.depth} has {NUM_BLOCKS[self.depth]} blocks, got {tuple(map(len, blocks))}"
                )

    @property
    def num_features(self) -> int:
        """D: 2304 for SlowFast, 2048 for one pathway, at the published widths."""
        return sum(self.stem_width(pathway) * 32 for pathway in range(len(self.stem_kernels)))

    @property
    def architecture(self) -> str:
        """Its name: `slowfast-r50`, `i3d-r50-nln`."""
        return f"{self.kind}-r{self.depth}{'-nln' if any(self.non_local) else ''}"

    def stem_width(self, pathway: int) -> int:
        """Channels of a pathway's stem."""
        return self.width if pathway == 0 else self.width // self.beta_inv

    def config(self) -> dict[str, Any]:
        """Everything as plain values, for a side file; `slow_family` reads it."""
        return asdict(self)


def slow_family(architecture: str, config: Mapping[str, Any] | None = None) -> SlowFamily:
    """The network of a name with what `config` says instead of the published values.

    Names: slowfast-r50-8x8 (or 4x16, 16x8, r101, without a size), slow-r50, c2d-r50, i3d-r50, i3d-r50-nln.
    """
    kind, _, rest = architecture.partition("-r")
    depth, _, tail = rest.partition("-")
    size, has_non_local = tail.removesuffix("nln").strip("-"), tail.endswith("nln")
    known = kind in KINDS and depth in ("50", "101")
    if not known or (size and (kind != "slowfast" or (int(depth), size) not in _SLOWFAST_SIZES)):
        raise EncoderUnknown(
            f"no clip network is called {architecture!r}: it is slowfast-r50 or -r101, with -4x16, -8x8 or "
            "-16x8, or slow-, c2d- or i3d-r50 or -r101, with -nln for non-local blocks"
        )
    plain = plain_family(kind, int(depth))
    if kind == "slowfast":
        alpha, fusion_kernel = _SLOWFAST_SIZES[int(depth), size or "8x8"]
        plain = replace(plain, alpha=alpha, fusion_kernel=fusion_kernel)
    if has_non_local:
        plain = replace(plain, non_local=_NON_LOCAL[int(depth)])
    given = {name: _frozen(value) for name, value in (config or {}).items()}
    unknown = given.keys() - {field.name for field in fields(SlowFamily)}
    if unknown:
        raise ValueError(f"{architecture} has no setting called {', '.join(sorted(unknown))}")
    return replace(plain, **given)


def plain_family(kind: str, depth: int, timed_blocks: tuple[int, ...] = MAX_TIMED_BLOCKS) -> SlowFamily:
    """The published network of a kind; per stage only the first `timed_blocks` blocks look over time."""
    looks = _LOOKS[kind]
    return SlowFamily(
        kind,
        depth,
        stem_kernels=tuple(stem for stem, _ in looks),
        block_kernels=tuple(
            tuple(
                tuple(pattern[i % len(pattern)] if i < timed else 1 for i in range(num))
                for pattern, num, timed in zip(stages, NUM_BLOCKS[depth], timed_blocks, strict=True)
            )
            for _, stages in looks
        ),
        time_pool=2 if kind in ("c2d", "i3d") else 1,
    )


def slow_frames(num_frames: int, alpha: int) -> list[int]:
    """Which of a clip's frames the slow pathway sees: evenly spread, the first and the last among them.

    num_frames=32, alpha=4 -> [0, 4, 8, 13, 17, 22, 26, 31]. Rounded down exactly; truncating a float32
    linspace, as the original does, gives the same up to 159 frames.
    """
    if num_frames < 1 or num_frames % alpha:
        raise ValueError(
            f"a clip of {num_frames} frames does not fit the two pathways: the slow one sees one of every "
            f"{alpha} frames (alpha), so take {max(1, num_frames // alpha) * alpha} frames or a multiple"
        )
    num_slow = num_frames // alpha
    return [i * (num_frames - 1) // max(1, num_slow - 1) for i in range(num_slow)]


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value
