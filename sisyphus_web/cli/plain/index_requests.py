"""What is sent to a served index: the JSON that the old sfi's client writes too, checked field by field."""

import base64
import binascii
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from indexing.compute.plain.index_files import PlainIndex
from indexing.compute.plain.index_search import AGGREGATES

DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
MOST_RESULTS = 10_000
MOST_EXPAND = 100
ANY_SIZE = 0  # of an index whose pictures have grids of their own
MOST_ROWS = 4096  # of a query to it
MAX_BODY_BYTES = 32 << 20  # 196 rows of 2048 numbers of 8 bytes in base64 are 4.3 MB


class RequestRefused(ValueError):
    """A request that is answered with `status` and a stable code."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """A checked query."""

    query: np.ndarray  # (N, C) float32, finite
    num_results: int
    aggregate: str
    expand: int


def encode(query: np.ndarray, *, num_results: int, **more: Any) -> bytes:
    """The body of a request for (N, C) numbers."""
    fields = {
        "feature": base64.b64encode(np.ascontiguousarray(query).tobytes()).decode(),
        "shape": list(query.shape),
        "dtype": query.dtype.name,
        "num_results": num_results,
    }
    return json.dumps(fields | {name: value for name, value in more.items() if value is not None}).encode()


def decode(body: bytes, opened: PlainIndex, *, features_size: int, aggregate: str) -> IndexRequest:
    """The query in a body; RequestRefused 400 names what is wrong with it."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(400, "not-json", f"the body must be JSON: {str(error)[:120]}") from None
    if not isinstance(fields, dict):
        raise RequestRefused(400, "not-an-object", "the body must be a JSON object")
    for name in ("feature", "shape", "dtype"):
        if name not in fields:
            raise RequestRefused(400, "missing-field", f"the field {name!r} is missing")
    _check_identity(fields, opened)
    query = _query(fields)
    _check_shape(query.shape, fields.get("positions"), opened, features_size)
    wanted = str(fields.get("aggregate", aggregate))
    if wanted not in AGGREGATES:
        raise RequestRefused(
            400, "bad-aggregate", f"aggregate must be one of {', '.join(AGGREGATES)}, got {wanted[:40]!r}"
        )
    return IndexRequest(
        query,
        _whole(fields, "num_results", 1, 1, MOST_RESULTS),
        wanted,
        _whole(fields, "expand", 0, 0, MOST_EXPAND),
    )


def _query(fields: dict[str, Any]) -> np.ndarray:
    dtype, shape = fields["dtype"], fields["shape"]
    if dtype not in DTYPES:
        raise RequestRefused(
            400, "unknown-dtype", f"dtype must be one of {', '.join(DTYPES)}, got {str(dtype)[:40]!r}"
        )
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or not all(type(side) is int and 1 <= side <= 1 << 24 for side in shape)
    ):
        raise RequestRefused(
            400, "bad-shape", f"shape must be [N, C], two numbers above 0, got {str(shape)[:60]}"
        )
    if not isinstance(fields["feature"], str):
        raise RequestRefused(400, "bad-base64", "feature must be text in base64")
    try:
        content = base64.b64decode(fields["feature"], validate=True)
    except (binascii.Error, ValueError):
        raise RequestRefused(400, "bad-base64", "feature is not base64") from None
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    if len(content) != needed:
        raise RequestRefused(
            400,
            "wrong-length",
            f"{shape[0]} x {shape[1]} {dtype} are {needed} bytes, feature has {len(content)}",
        )
    with np.errstate(over="ignore"):
        query = np.frombuffer(content, dtype).reshape(shape).astype(np.float32)
    if not np.isfinite(query).all():
        raise RequestRefused(400, "not-finite", "feature holds NaN or infinity")
    return query


def _check_shape(shape: tuple[int, ...], positions: Any, opened: PlainIndex, features_size: int) -> None:
    num_rows, width = shape
    if features_size == ANY_SIZE:
        features_size = math.isqrt(MOST_ROWS)
        positions = list(range(num_rows)) if num_rows <= MOST_ROWS else []
    if width != opened.index.width:
        raise RequestRefused(
            400, "wrong-width", f"C must be {opened.index.width} for this index, got {width}"
        )
    wanted = features_size**2
    if positions is not None:
        is_right = isinstance(positions, list) and all(type(p) is int and 0 <= p < wanted for p in positions)
        if not is_right or len(set(positions)) != num_rows:
            raise RequestRefused(
                400,
                "bad-positions",
                f"positions must be {num_rows} different numbers from 0 to {wanted - 1}, one per row",
            )
    elif num_rows != wanted:
        raise RequestRefused(
            400,
            "wrong-rows",
            f"N must be {wanted} (features size {features_size}), got {num_rows}; "
            "a part of them names its positions",
        )


def _check_identity(fields: dict[str, Any], opened: PlainIndex) -> None:
    """What the client says of its features must be what the index is of, where both are known."""
    for name, ours in (("encoder", opened.encoder), ("weights_sha256", opened.weights_sha256)):
        given = fields.get(name)
        if given is not None and ours is not None and given != ours:
            raise RequestRefused(
                400, "other-encoder", f"the index is of {name} {ours}, the query of {str(given)[:80]}"
            )


def _whole(fields: dict[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = fields.get(name, default)
    if type(value) is not int or not least <= value <= most:
        raise RequestRefused(
            400, f"bad-{name.replace('_', '-')}", f"{name} must be {least} to {most}, got {str(value)[:40]}"
        )
    return value
