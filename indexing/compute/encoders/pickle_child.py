"""The process in which a stranger's pickle of weights is read: limited, without network, expendable.

Run as `python -m indexing.compute.encoders.pickle_child FILE OUT`: arrays and tensors are written to OUT as
safetensors, under their names; what was left out goes to standard output as JSON. Status 1 and a sentence on
standard error for a file that is anything else. Neither torch nor the code that wrote the file is imported.
"""

import json
import pickle
import resource
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from indexing.compute.decoder_child import allow_more_cpu, limit
from indexing.compute.encoders.pickle_objects import Array, NotPlain, Storage, StorageKind, Tensor, named

CONTAINERS = ("blobs", "state_dict", "model_state_dict", "model_state", "teacher", "model")
MAX_BYTES = 1 << 30  # of weights; the largest network known here has 320 MB
MAX_PICKLE_BYTES = 1 << 30
MAX_NAMES = 100_000
MAX_TEXT = 200_000  # letters of a settings text that is handed on
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # begins a file of torch before 1.6
Read = Callable[[Storage], bytes]


class PlainUnpickler(pickle.Unpickler):
    """An unpickler for which no name exists but those of arrays; nothing is imported."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="latin1")
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        return named(module, name)

    def persistent_load(self, pid: Any) -> Any:
        """A storage, as torch refers to one."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise NotPlain("it refers to something that is no storage of numbers")
        kind, key, num_values = pid[1], str(pid[2]), pid[4]
        if not isinstance(kind, StorageKind) or type(num_values) is not int or num_values < 0:
            raise NotPlain("it refers to a storage without a kind of number")
        return self.storages.setdefault(key, Storage(kind.kind, key, num_values))


def read(path: Path) -> tuple[Any, Read]:
    """What the pickle at `path` holds, and how the bytes of its storages are had."""
    if zipfile.is_zipfile(path):
        return _of_zip(path)
    with path.open("rb") as file:
        first = PlainUnpickler(file).load()
        if type(first) is not int or first != LEGACY_MAGIC:
            return first, _no_storage
        for _ in range(2):  # version and facts of the machine
            PlainUnpickler(file).load()
        unpickler = PlainUnpickler(file)
        loaded = unpickler.load()
        keys = PlainUnpickler(file).load()
        return loaded, _legacy_reader(path, file, [str(key) for key in keys], unpickler.storages)


def _of_zip(path: Path) -> tuple[Any, Read]:
    archive = zipfile.ZipFile(path)  # open as long as the process
    entries = {each.filename: each for each in archive.infolist()}
    if any("/code/" in name for name in entries):
        raise NotPlain("it is a TorchScript file, which holds code")
    root = next((name.removesuffix("data.pkl") for name in entries if name.endswith("/data.pkl")), None)
    if root is None:
        raise NotPlain("it is an archive without weights")
    if f"{root}byteorder" in entries and archive.read(f"{root}byteorder").strip() != b"little":
        raise NotPlain("its numbers are written for another kind of machine (big endian)")
    if entries[f"{root}data.pkl"].file_size > MAX_PICKLE_BYTES:
        raise NotPlain("its table of contents is larger than any network's")

    def bytes_of(storage: Storage) -> bytes:
        entry = entries.get(f"{root}data/{storage.key}")
        wanted = storage.num_values * storage.item_bytes
        if entry is None or entry.file_size != wanted or entry.compress_type != zipfile.ZIP_STORED:
            raise NotPlain(f"its storage {storage.key[:40]} is not there whole")
        return archive.read(entry)

    with archive.open(f"{root}data.pkl") as file:
        return PlainUnpickler(file).load(), bytes_of


def _legacy_reader(path: Path, file: IO[bytes], keys: list[str], storages: dict[str, Storage]) -> Read:
    """Storages lie one after another behind the pickles: their number of values, then the values."""
    places: dict[str, int] = {}
    size = path.stat().st_size
    for key in keys:
        storage = storages.get(key)
        counted = file.read(8)
        if storage is None or len(counted) != 8 or struct.unpack("<q", counted)[0] != storage.num_values:
            raise NotPlain(f"its storage {key[:40]} is not there whole")
        places[key] = file.tell()
        end = places[key] + storage.num_values * storage.item_bytes
        if end > size:
            raise NotPlain(f"it ends at {size} bytes of at least {end}: it was cut off")
        file.seek(end)

    def bytes_of(storage: Storage) -> bytes:
        if storage.key not in places:
            raise NotPlain(f"its storage {storage.key[:40]} is not there whole")
        with path.open("rb") as again:
            again.seek(places[storage.key])
            return again.read(storage.num_values * storage.item_bytes)

    return bytes_of


def _no_storage(storage: Storage) -> bytes:
    raise NotPlain(f"its storage {storage.key[:40]} is not there whole")


def weights_in(loaded: Any, bytes_of: Read) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The weights by name, and what was left out: `beside` the weights, and among them (`not_arrays`)."""
    beside: list[str] = []
    texts: dict[str, str] = {}
    for _ in CONTAINERS:
        name = next((n for n in CONTAINERS if isinstance(loaded, dict) and n in loaded), None)
        if name is None or not isinstance(loaded[name], dict):
            break
        beside += [str(each) for each in loaded if each != name]
        texts |= _texts(loaded)
        loaded = loaded[name]
    if not isinstance(loaded, dict):
        raise NotPlain(f"it must hold arrays by name, it holds {type(loaded).__name__}")
    if len(loaded) > MAX_NAMES:
        raise NotPlain(f"it holds {len(loaded)} names, more than any network's")
    found = {str(name): value for name, value in loaded.items() if isinstance(value, Array | Tensor)}
    num_bytes = sum(value.num_bytes for value in found.values())
    if num_bytes > MAX_BYTES:
        raise NotPlain(f"its weights take {num_bytes >> 20} MB; {MAX_BYTES >> 20} MB are allowed")
    if not found:
        raise NotPlain("it holds no array")
    arrays = {name: value.materialized(bytes_of) for name, value in found.items()}
    left = [str(name) for name in loaded if str(name) not in found]
    return arrays, {"beside": beside, "not_arrays": left, "texts": texts}


def _texts(loaded: dict[Any, Any]) -> dict[str, str]:
    """Settings as text beside the weights: `cfg`, and those of `meta`."""
    meta = loaded.get("meta")
    places = {"": loaded, "meta.": meta if isinstance(meta, dict) else {}}
    return {
        f"{prefix}{name}": value[:MAX_TEXT]
        for prefix, place in places.items()
        for name, value in place.items()
        if isinstance(name, str) and isinstance(value, str)
    }


def main() -> None:
    """Read, and write what is numbers; a sentence on standard error and status 1 otherwise."""
    from safetensors.numpy import save_file

    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    limit()
    allow_more_cpu()
    most = MAX_BYTES + (64 << 20)  # names and shapes too
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        arrays, left_out = weights_in(*read(source))
        save_file(arrays, out)
    except MemoryError:
        sys.exit("it takes more memory than is allowed")
    except Exception as error:  # what damaged or hostile bytes raise is not known in advance
        sys.exit(" ".join(str(error).split())[:300] or type(error).__name__)
    sys.stdout.write(json.dumps(left_out))


if __name__ == "__main__":
    main()
