"""Pickles of weights: what is plain is read as it is, anything else is refused and never run."""

import io
import os
import pickle
import struct
import sys
import types
import zipfile

import numpy as np
import pytest
import torch

from indexing.compute.encoders.pickle_child import PlainUnpickler, read, weights_in
from indexing.compute.encoders.pickle_objects import NotPlain
from indexing.compute.encoders.pickles import unpickle
from indexing.compute.encoders.specs import WeightsRefused

WEIGHTS = {
    "a.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "a.transposed": torch.arange(12, dtype=torch.float32).reshape(3, 4).t(),
    "a.part": torch.arange(10, dtype=torch.float64)[2:7:2],
    "half": torch.tensor([1.5, -2.0]).half(),
    "bfloat": torch.tensor([1.5, -2.0]).bfloat16(),
    "count": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "none": torch.zeros(0, 3),
    "parameter": torch.nn.Parameter(torch.ones(2)),
}


class Runs:
    """Unpickled by the rules of pickle, it makes a file."""

    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


@pytest.fixture
def ran(tmp_path):
    return tmp_path / "ran"


def written(path, content) -> None:
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 2))


@pytest.mark.parametrize(
    ("is_zip", "container"), [(True, None), (True, "model_state"), (False, "state_dict")]
)
def test_tensors_of_torch_come_as_they_were_saved(tmp_path, is_zip, container):
    path = tmp_path / "weights.pth"
    whole = {container: WEIGHTS, "epoch": 3, "cfg": "A: 1"} if container else WEIGHTS
    torch.save(whole, path, _use_new_zipfile_serialization=is_zip)
    found = unpickle(path)
    assert found.tensors.keys() == WEIGHTS.keys()
    for name, value in WEIGHTS.items():
        wanted = value.float() if value.dtype == torch.bfloat16 else value
        assert found.tensors[name].dtype == wanted.dtype
        assert torch.equal(found.tensors[name], wanted), name
    assert found.beside == (("epoch", "cfg") if container else ())
    assert found.texts == ({"cfg": "A: 1"} if container else {})


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_arrays_of_numpy_come_as_they_were_saved(tmp_path, protocol):
    path = tmp_path / "weights.pkl"
    blobs = {
        "c": np.arange(6, dtype=np.float32).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        "big_endian": np.arange(3, dtype=">f4"),
        "single": np.array(0.5, np.float32),
        "flags": np.array([True, False]),
    }
    path.write_bytes(
        pickle.dumps({"blobs": blobs | {"text": "lr", "model_iter": 7, "lr": np.float32(0.1)}}, protocol)
    )
    arrays, left_out = weights_in(*read(path))  # what the child does
    assert set(left_out["not_arrays"]) == {"text", "model_iter", "lr"}
    assert arrays.keys() == blobs.keys()
    for name, value in blobs.items():
        assert np.array_equal(arrays[name], value), name
        assert arrays[name].flags.c_contiguous
        assert arrays[name].dtype.isnative


def test_a_pickle_of_python_2_is_read(tmp_path):
    """As numpy 1.16 of Python 2 wrote {'blobs': {'conv1_w': array([1., 2.], float32)}}."""
    raw = np.array([1, 2], np.float32).tobytes()
    path = tmp_path / "weights.pkl"
    path.write_bytes(
        b"\x80\x02}q\x01U\x05blobsq\x02}q\x03U\x07conv1_wq\x04cnumpy.core.multiarray\n_reconstruct\nq\x05"
        b"cnumpy\nndarray\nq\x06K\x00\x85U\x01bq\x07\x87Rq\x08(K\x01K\x02\x85cnumpy\ndtype\nq\x09U\x02f4K\x00K\x01"
        b"\x87Rq\x0a(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x08" + raw + b"tbss."
    )
    assert unpickle(path).tensors["conv1_w"].tolist() == [1.0, 2.0]


def test_records_of_training_are_left_out_unseen(tmp_path, monkeypatch):
    """A message hub of mmengine is made of its own classes, which are not imported here."""
    module = types.ModuleType("mmengine.logging.history_buffer")
    source = "class HistoryBuffer:\n    def smallest(self): ...\n"
    exec(source, module.__dict__)
    for name in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.HistoryBuffer.__module__ = module.__name__
    record = module.HistoryBuffer()
    record.history, record.method = np.arange(3), module.HistoryBuffer.smallest
    path = tmp_path / "epoch_1.pth"
    torch.save({"state_dict": WEIGHTS, "message_hub": {"loss": record}}, path)
    found = unpickle(path)
    assert found.tensors.keys() == WEIGHTS.keys()
    assert found.beside == ("message_hub",)


@pytest.mark.parametrize("place", ["weights", "beside", "array", "nested", "key"])
@pytest.mark.parametrize("form", ["pickle", "zip", "legacy"])
def test_a_pickle_that_would_run_something_is_refused_by_its_name(tmp_path, ran, place, form):
    hostile = Runs(os.mknod, str(ran))
    weights = {"a": torch.zeros(2) if form != "pickle" else np.zeros(2)}
    whole = {
        "weights": {"state_dict": weights | {"b": hostile}},
        "beside": {"state_dict": weights, "epoch": hostile},
        "array": {"state_dict": weights | {"b": np.array([hostile], object)}},
        "nested": {"state_dict": weights, "meta": [({"x": [hostile]},)]},
        "key": {"state_dict": weights, "meta": {Key(hostile): 1}},
    }[place]
    path = tmp_path / "weights.pth"
    if form == "pickle":
        written(path, whole)
    else:
        torch.save(whole, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(NotPlain, match=r"it names (posix\.mknod|.*Key), which is no array"):
        read(path)
    if place == "weights":
        with pytest.raises(WeightsRefused, match=r"no pickle of arrays: it names posix\.mknod, which is no"):
            unpickle(path)
    assert not ran.exists()


class Key:
    """Can be the key of a dict, unlike what it holds."""

    def __init__(self, held):
        self.held = held


@pytest.mark.parametrize(
    "name",
    [
        "os system", "posix system", "builtins eval", "builtins exec", "builtins __import__",
        "subprocess Popen", "torch load", "torch.serialization load", "torch.jit load", "numpy load",
        "pickle loads", "importlib import_module", "operator attrgetter", "functools partial",
        "builtins getattr.__self__", "collections OrderedDict.fromkeys", "torch.hub load", "runpy run_path",
        "numpy.testing._private.utils runstring", "mmengineering load", "numpy ndarray.tofile",
        "torch._utils _rebuild_tensor_v2.__globals__",
    ],
)  # fmt: skip
@pytest.mark.parametrize("opcode", ["c", "stack_global"])
def test_no_name_but_those_of_arrays_can_be_called(tmp_path, ran, name, opcode):
    module, _, attribute = name.partition(" ")
    if opcode == "c":
        called = b"c" + f"{module}\n{attribute}\n".encode()
    else:
        words = (b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, attribute))
        called = b"".join(words) + b"\x93"
    argument = b"V" + f"touch {ran}\n".encode()
    with pytest.raises(NotPlain, match=r"names .*, which is no array"):
        PlainUnpickler(io.BytesIO(b"\x80\x04" + called + b"(" + argument + b"tR.")).load()
    assert not ran.exists()


def test_what_stands_for_arrays_can_not_be_bent():
    """BUILD of a pickle may set attributes; of what makes arrays it can set none."""
    for made in (
        b"cnumpy.core.multiarray\n_reconstruct\n",
        b"c_codecs\nencode\n",
        b"ctorch\nFloatStorage\n",
        b"ccollections\nOrderedDict\n",
        b"cnumpy\ndtype\n",
        b"c__builtin__\ngetattr\n",
    ):
        for state in (b"}(V__call__\nV__init__\nu", b"N}(V__defaults__\nN)\x86u\x86"):
            with pytest.raises((TypeError, NotPlain, pickle.UnpicklingError, AttributeError, IndexError)):
                PlainUnpickler(io.BytesIO(b"\x80\x02" + made + state + b"b.")).load()


@pytest.mark.parametrize("form", ["pickle", "zip", "legacy"])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, form):
    path = tmp_path / "weights.pth"
    if form == "pickle":
        written(path, {"blobs": {"a": np.arange(100.0), "b": np.arange(100.0)}})
    else:
        torch.save({"a": torch.arange(300.0)}, path, _use_new_zipfile_serialization=form == "zip")
    whole = path.read_bytes()
    for length in {0, 1, *range(2, len(whole) - 1, max(1, len(whole) // 50))}:
        path.write_bytes(whole[:length])
        with pytest.raises(Exception):  # noqa: B017, PT011 - which one, the child does not care
            weights_in(*read(path))
    with pytest.raises(WeightsRefused, match=f"{path} is no pickle of arrays"):
        unpickle(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x80\x02}.", "holds no array"),
        (pickle.dumps([np.zeros(3)], 2), "must hold arrays by name, it holds list"),
        (pickle.dumps({"a": "text"}, 2), "holds no array"),
        (pickle.dumps({"blobs": {"a": np.array(["x"])}}, 2), "array of 'U1', which are no numbers"),
        (pickle.dumps({"blobs": {"a": np.zeros(2, [("x", "f4")])}}, 2), "which are no numbers"),
        (b"\x89PNG\r\n\x1a\n", "something that is no storage"),
        (b"no pickle at all", "invalid load key"),
    ],
)
def test_what_holds_no_arrays_is_refused(tmp_path, content, sentence):
    written(tmp_path / "weights.pkl", content)
    with pytest.raises((NotPlain, pickle.UnpicklingError, ValueError), match=sentence):
        weights_in(*read(tmp_path / "weights.pkl"))  # what the child does


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 45) + b"x.",  # bytes of 32 TB
        b"\x80\x04\x96" + struct.pack("<Q", 1 << 45) + b"x.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",  # the 2^31st place of the memo
        b"]" * 300_000 + b"a" * 299_999 + b".",  # lists in lists
    ],
    ids=["bytes", "bytearray", "memo", "nested"],
)
def test_giants_are_refused(tmp_path, content):
    written(tmp_path / "weights.pkl", content)
    with pytest.raises(WeightsRefused, match="no pickle of arrays"):
        unpickle(tmp_path / "weights.pkl")


def test_a_small_file_that_unfolds_into_a_giant_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1).expand(40_000, 40_000)}, path)
    assert path.stat().st_size < 5000
    with pytest.raises(WeightsRefused, match="its weights take 6103 MB; 1024 MB are allowed"):
        unpickle(path)
    shared = torch.zeros(30_000_000)
    torch.save({str(i): shared for i in range(20)}, path)
    with pytest.raises(WeightsRefused, match="MB are allowed"):
        unpickle(path)


def test_a_tensor_outside_its_storage_is_refused(tmp_path):
    """Its strides would read what lies behind the numbers."""
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1).expand(7, 9)}, path)
    entries = {}
    with zipfile.ZipFile(path) as archive:
        entries = {each.filename: archive.read(each) for each in archive.infolist()}
    name = next(each for each in entries if each.endswith("data.pkl"))
    strides = b"K\x00K\x00\x86"  # (0, 0)
    assert entries[name].count(strides) == 1
    entries[name] = entries[name].replace(strides, b"K\x09K\x01\x86")
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in entries.items():
            archive.writestr(each, content)
    with pytest.raises(WeightsRefused, match=r"ends at 62 of 1 numbers"):
        unpickle(path)


def test_a_storage_that_is_packed_or_short_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.zeros(1000)}, path)
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        entries = {each.filename: archive.read(each) for each in archive.infolist()}
    for compression, cut in ((zipfile.ZIP_DEFLATED, 0), (zipfile.ZIP_STORED, 4)):
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in entries.items():
                is_storage = "/data/" in name
                archive.writestr(name, content[: len(content) - cut] if is_storage else content)
        with pytest.raises(WeightsRefused, match="storage 0 is not there whole"):
            unpickle(path)


def test_a_pickle_that_takes_for_ever_is_ended(tmp_path):
    """A key of nested pairs, each twice the same: 2^60 steps to hash, in 200 bytes."""
    nested = b"K\x01" + b"2\x86" * 60
    written(tmp_path / "weights.pkl", b"\x80\x02}" + nested + b"Ns.")
    with pytest.raises(WeightsRefused, match=r"took more than 1\.5 s to read; it may be hostile"):
        unpickle(tmp_path / "weights.pkl", seconds=1.5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused_as_code(tmp_path):
    path = tmp_path / "script.pt"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    with pytest.raises(WeightsRefused, match="TorchScript file, which holds code"):
        unpickle(path)
