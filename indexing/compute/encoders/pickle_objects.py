"""What a pickle of weights may be made of: arrays, tensors, plain containers; each rebuilt by our own code.

No name in a pickle is ever looked up: `named` answers with a class of this file, or refuses. Numbers are
read by `materialized` alone, of the arrays that are wanted.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

STORAGES = {  # torch's names -> how a number lies in the file; bfloat16 is the upper half of a float32
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bfloat16",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "b1",
}  # fmt: skip
NUMBERS = frozenset("fiub")  # kinds of numpy's numbers
MAX_DIMENSIONS = 16
# Records of training beside the weights: nothing of them is looked at.
SKIPPED = ("mmengine.", "mmcv.", "mmaction.", "yacs.", "fvcore.", "argparse.Namespace", "torch.device")


class NotPlain(ValueError):
    """The pickle names or holds what is no array; the sentence says what."""


class Skipped:
    """In the place of an object that is no weight, whatever it was made of; it does nothing."""

    __slots__ = ()

    def __new__(cls, *_: object, **__: object) -> "Skipped":
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, name: object, value: object) -> None: ...

    def append(self, value: object) -> None:
        """A list that is skipped takes what it is given."""

    def extend(self, values: object) -> None:
        """Likewise, many at once."""


class Names(dict[Any, Any]):
    """An ordered dict; attributes it had (a state_dict's `_metadata`) are forgotten."""

    def __setstate__(self, state: object) -> None: ...


class Made:
    """A callable that a pickle may name and not change."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: object) -> None:
        raise NotPlain("it changes what makes its arrays")


class Dtype:
    """A kind of number, of numpy's name and byte order."""

    __slots__ = ("order", "text")

    def __init__(self, text: object, *_: object) -> None:
        self.text, self.order = _text(text), "<"

    def __setstate__(self, state: Any) -> None:
        self.order = _text(state[1])

    def number(self) -> np.dtype[Any]:
        """numpy's own; NotPlain for what is no number (objects, texts, records)."""
        try:
            found = np.dtype(self.text)
        except TypeError:
            raise NotPlain(f"it holds an array of {self.text[:40]!r}, which are no numbers") from None
        if found.kind not in NUMBERS:
            raise NotPlain(f"it holds an array of {self.text[:40]!r}, which are no numbers")
        return found.newbyteorder(">" if self.order == ">" else "<")


class Array:
    """An array of numpy as it is pickled: shape, kind of number, bytes."""

    __slots__ = ("_is_fortran", "_raw", "_shape", "dtype")

    def __init__(self, *_: object) -> None:
        self._shape: tuple[int, ...] = (0,)
        self.dtype = Dtype("f4")
        self._raw, self._is_fortran = b"", False

    def __setstate__(self, state: Any) -> None:
        shape, dtype, is_fortran, raw = state[-4:]
        self._set(shape, dtype, raw, is_fortran=bool(is_fortran))

    def _set(self, shape: Any, dtype: Any, raw: Any, *, is_fortran: bool) -> None:
        if not isinstance(dtype, Dtype):
            raise NotPlain("it holds an array without a kind of number")
        dtype.number()  # objects are refused before their list is looked at
        self._shape, self.dtype, self._is_fortran = _sizes(shape), dtype, is_fortran
        self._raw = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
        wanted = math.prod(self._shape) * dtype.number().itemsize
        if wanted != len(self._raw):
            raise NotPlain(f"it holds an array of {wanted} bytes in {len(self._raw)}")

    @classmethod
    def of_buffer(cls, raw: Any, dtype: Any, shape: Any, order: Any) -> "Array":
        """As protocol 5 writes one."""
        made = cls()
        made._set(shape, dtype, raw, is_fortran=order == "F")
        return made

    @property
    def num_bytes(self) -> int:
        """How much memory the array takes."""
        return len(self._raw)

    def materialized(self, read: Callable[["Storage"], bytes]) -> np.ndarray:
        """The numbers, in the order of C and of this machine."""
        flat = np.frombuffer(self._raw, self.dtype.number())
        shaped = flat.reshape(self._shape, order="F" if self._is_fortran else "C")
        return np.array(shaped, shaped.dtype.newbyteorder("="), order="C")


class Storage:
    """A run of numbers beside the pickle, as torch keeps them."""

    __slots__ = ("key", "kind", "num_values")

    def __init__(self, kind: str, key: str, num_values: int) -> None:
        self.kind, self.key, self.num_values = kind, key, num_values

    @property
    def item_bytes(self) -> int:
        """Bytes of one number."""
        return 2 if self.kind == "bfloat16" else np.dtype(self.kind).itemsize


class StorageKind:
    """The class of a storage, which says its kind of number."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __setstate__(self, state: object) -> None:
        raise NotPlain("it changes what makes its arrays")


class Tensor:
    """A tensor of torch: a view into a storage."""

    __slots__ = ("_offset", "_shape", "_storage", "_strides")

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: object) -> None:
        if not isinstance(storage, Storage) or type(offset) is not int or offset < 0:
            raise NotPlain("it holds a tensor without numbers")
        self._storage, self._offset = storage, offset
        self._shape, self._strides = _sizes(shape), _sizes(strides)
        last = offset + sum((n - 1) * step for n, step in zip(self._shape, self._strides, strict=True))
        if 0 not in self._shape and last >= storage.num_values:
            raise NotPlain(f"it holds a tensor that ends at {last} of {storage.num_values} numbers")

    def __setstate__(self, state: object) -> None: ...

    @property
    def num_bytes(self) -> int:
        """How much memory the tensor takes, once it is written out."""
        return math.prod(self._shape) * max(4, self._storage.item_bytes)

    def materialized(self, read: Callable[[Storage], bytes]) -> np.ndarray:
        """The numbers; `read` gives the bytes of a storage."""
        storage, raw = self._storage, read(self._storage)
        if storage.kind == "bfloat16":
            flat = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            flat = np.frombuffer(raw, np.dtype(storage.kind).newbyteorder("<"))
        if 0 in self._shape:
            return np.zeros(self._shape, flat.dtype)
        strides = [step * flat.itemsize for step in self._strides]
        view = np.lib.stride_tricks.as_strided(flat[self._offset :], self._shape, strides)
        return np.array(view, order="C")


def named(module: str, name: str) -> Any:
    """What stands for `module.name` in a pickle; NotPlain for a name that is no array."""
    known = KNOWN.get(f"{module}.{name}")
    if known is not None:
        return known
    if module == "torch" and name in STORAGES:
        return StorageKind(STORAGES[name])
    if f"{module}.{name}".startswith(SKIPPED) or (module, name) in GETATTR:
        return Skipped
    raise NotPlain(f"it names {module}.{name}, which is no array")


def _same(value: Any, *_: object) -> Any:
    return value


def _encoded(text: Any, *_: object) -> bytes:
    """Bytes as protocol 2 writes them: a text of latin1."""
    if not isinstance(text, str):
        raise NotPlain("it holds bytes that are no text")
    return text.encode("latin1")


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin1")
    if not isinstance(value, str):
        raise NotPlain(f"it holds a {type(value).__name__} where a word is expected")
    return value


def _sizes(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or len(values) > MAX_DIMENSIONS:
        raise NotPlain("it holds an array without a shape")
    if any(type(each) is not int or each < 0 for each in values):
        raise NotPlain(f"it holds an array of the shape {str(tuple(values))[:60]}")
    return tuple(values)


# A record of mmengine refers to its own methods this way; asked of anything, it gives nothing.
GETATTR = {("builtins", "getattr"), ("__builtin__", "getattr")}
KNOWN: dict[str, Any] = {
    "collections.OrderedDict": Names,
    "_codecs.encode": Made(_encoded),
    "numpy.ndarray": Array,
    "numpy.dtype": Dtype,
    "torch.Size": Made(_same),
    "torch._utils._rebuild_tensor": Made(Tensor),
    "torch._utils._rebuild_tensor_v2": Made(Tensor),
    "torch._utils._rebuild_parameter": Made(_same),
    "__builtin__.set": set,
    "builtins.set": set,
}
for _core in ("numpy.core", "numpy._core"):
    KNOWN[f"{_core}.multiarray._reconstruct"] = Made(Array)
    KNOWN[f"{_core}.multiarray.scalar"] = Skipped  # a number by itself is no weight
    KNOWN[f"{_core}.numeric._frombuffer"] = Made(Array.of_buffer)
