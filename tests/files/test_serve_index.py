"""`sfi serve-index` and `query-index`: the old wire format, every bad input named, an orderly end."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexing.compute.plain.side_files import write_meta
from indexing.compute.plain.source_pictures import SourcePictures
from sisyphus_web.cli.errors import Exit
from sisyphus_web.cli.plain.index_requests import MAX_BODY_BYTES
from tests.files.test_index import WIDTH, brute, clustered, number, write
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def index(sfi, tmp_path) -> Path:
    write(tmp_path / "f", clustered(400))
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i", "--num-train", 300)
    return tmp_path / "i"


def post(port: int, body: bytes, **headers: str) -> tuple[int, object]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def get(port: int, path: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def as_the_old_client(array: np.ndarray, **more) -> dict:
    """The request of the old sfi's client, written from its description."""
    return {
        "feature": base64.b64encode(array.tobytes()).decode("ascii"),
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        **more,
    }


def test_a_request_of_the_old_client_gets_its_two_fields_and_what_else_is_known(served, index, tmp_path):
    vectors = clustered(400)
    port = served(index, "--num-probes", 100)
    status, found = post(port, json.dumps(as_the_old_client(vectors[7:8], num_results=5)).encode())
    assert status == 200
    order, distances = brute(vectors, vectors[7])
    assert [number(each["path"]) for each in found] == order[:5].tolist()
    assert [each["distance"] for each in found] == pytest.approx(
        [round(float(d), 3) for d in distances[:5]], abs=2e-3
    )
    assert found[0]["similarity"] == 1.0
    status, found = post(port, json.dumps(as_the_old_client(vectors[7:8].astype(np.float64))).encode())
    assert (status, len(found)) == (200, 1)  # num_results is 1 unless said


GOOD = as_the_old_client(np.ones((1, WIDTH), np.float32))


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("not-json", b"{"),
        ("not-json", b"[" * 100_000),
        ("not-an-object", b"[]"),
        ("missing-field", {k: v for k, v in GOOD.items() if k != "feature"}),
        ("missing-field", {k: v for k, v in GOOD.items() if k != "shape"}),
        ("missing-field", {k: v for k, v in GOOD.items() if k != "dtype"}),
        ("bad-base64", GOOD | {"feature": "?!"}),
        ("bad-base64", GOOD | {"feature": 7}),
        ("wrong-length", GOOD | {"feature": base64.b64encode(b"abc").decode()}),
        ("wrong-length", GOOD | {"shape": [1, 1 << 24]}),
        ("bad-shape", GOOD | {"shape": [WIDTH]}),
        ("bad-shape", GOOD | {"shape": [-1, WIDTH]}),
        ("bad-shape", GOOD | {"shape": [1, True]}),
        ("bad-shape", GOOD | {"shape": [1 << 60, 1 << 60]}),
        ("wrong-width", as_the_old_client(np.ones((1, 3), np.float32))),
        ("wrong-rows", as_the_old_client(np.ones((2, WIDTH), np.float32))),
        ("unknown-dtype", GOOD | {"dtype": "object"}),
        ("unknown-dtype", GOOD | {"dtype": "f4,f4"}),
        ("unknown-dtype", GOOD | {"dtype": ["float32"]}),
        ("not-finite", as_the_old_client(np.full((1, WIDTH), np.nan, np.float32))),
        ("not-finite", as_the_old_client(np.full((1, WIDTH), 1e300))),
        ("bad-num-results", GOOD | {"num_results": 0}),
        ("bad-num-results", GOOD | {"num_results": 10_001}),
        ("bad-num-results", GOOD | {"num_results": "5"}),
        ("bad-expand", GOOD | {"expand": -1}),
        ("bad-aggregate", GOOD | {"aggregate": "best"}),
        ("bad-positions", GOOD | {"positions": [1]}),
    ],
)
def test_every_bad_request_is_a_400_with_a_name(tmp_path, index, code, body):
    from indexing.compute.plain import index_files
    from sisyphus_web.cli.plain.index_requests import RequestRefused, decode

    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(RequestRefused) as refusal:
        decode(raw, index_files.load(index), features_size=1, aggregate="min")
    assert (refusal.value.status, refusal.value.code) == (400, code)
    assert refusal.value.sentence


def test_refusals_travel_over_http_and_the_server_goes_on(served, index):
    port = served(index)
    assert post(port, b"{")[0] == 400
    status, answer = post(port, json.dumps(GOOD | {"dtype": "object"}).encode())
    assert (status, answer["code"]) == (400, "unknown-dtype")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(MAX_BODY_BYTES + 1))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "too-large")
    connection.close()
    with socket.create_connection(("127.0.0.1", port), timeout=120) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 411 " in raw.recv(4096)
    with socket.create_connection(("127.0.0.1", port), timeout=120) as raw:
        raw.sendall(b"nonsense\r\n\r\n")
        assert b"400" in raw.recv(4096)
    assert get(port, "/nothing")[0] == 404
    assert post(port, json.dumps(GOOD).encode())[0] == 200


def test_health_and_info_say_what_is_served(served, index):
    port = served(index, "--num-probes", 250)
    assert get(port, "/health") == (200, {"status": "ok"})
    status, info = get(port, "/info")
    assert status == 200
    assert (info["count"], info["width"], info["cells"], info["cells_probed"]) == (400, WIDTH, 100, 100)
    assert info["reranks_exactly"] is True
    assert "100" in info["recall_at_10"]


def test_the_features_of_another_encoder_are_refused(sfi, served, tmp_path):
    write(tmp_path / "f", clustered(3))
    for i in range(3):
        write_meta(tmp_path / "f" / f"v-{i}.npy", {"encoder": "a@1", "weights_sha256": "1"})
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i")
    port = served(tmp_path / "i")
    np.save(tmp_path / "q.npy", clustered(1)[0])
    assert sfi("query-index", "--query", tmp_path / "q.npy", "--port", port).code == 0
    write_meta(tmp_path / "q.npy", {"encoder": "a@1", "weights_sha256": "2"})
    ended = sfi("query-index", "--query", tmp_path / "q.npy", "--port", port)
    assert (ended.code, "the index is of weights_sha256 1, the query of 2" in ended.err) == (
        Exit.REFUSED,
        True,
    )


def test_the_client_prints_what_the_server_found(sfi, served, index, tmp_path):
    port = served(index, "--num-probes", 100)
    found = sfi("query-index", "--query", tmp_path / "f" / "v-5.npy", "--port", port).json
    assert len(found) == 10
    assert number(found[0]["path"]) == 5
    assert (
        len(
            sfi("index-query", "--query", tmp_path / "f" / "v-5.npy", "--port", port, "--num_results", 3).json
        )
        == 3
    )
    expanded = sfi("query-index", "--query", tmp_path / "f" / "v-5.npy", "--port", port, "--expand", 5).json
    assert [each["path"] for each in expanded] != [each["path"] for each in found]


def test_a_wrong_port_is_one_clear_line(sfi, tmp_path):
    np.save(tmp_path / "q.npy", clustered(1)[0])
    ended = sfi("query-index", "--query", tmp_path / "q.npy", "--port", free_port())
    assert ended.code == Exit.FAILED
    assert ended.err.count("\n") == 1
    assert "does not answer (Connection refused)" in ended.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--query", "/no/such.npy"), "/no/such.npy does not exist"),
        (("--query", "q.npy", "--box", "0,0,1,1"), "--box goes with --image"),
        (("--image", "q.npy", "--box", "1,1,0,0"), "left before right"),
        ((), "one of the arguments --query --image is required"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused(sfi, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    np.save("q.npy", clustered(1)[0])
    ended = sfi("query-index", *words)
    assert (ended.code, sentence in ended.err) == (Exit.REFUSED, True)


def test_a_picture_is_encoded_as_the_index_was(sfi, served, photos, tmp_path, model_dir):
    sfi(
        "feature-extract",
        "--images",
        photos,
        "--features",
        tmp_path / "f",
        "--image-size",
        64,
        "--pool",
        "gem",
    )
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i")
    port = served(tmp_path / "i")
    source = sorted((photos / "llama").iterdir())[1]
    found = sfi("query-index", "--image", source, "--port", port, "--num-results", 2).json
    assert (found[0]["media"], found[0]["distance"]) == (str(source), pytest.approx(0, abs=1e-2))
    with Image.open(source) as picture:
        width, height = picture.size
        picture.crop((0, 0, width // 2, height // 2)).save(tmp_path / "part.png")
    box = f"0,0,{width // 2},{height // 2}"
    part = sfi("query-index", "--image", source, "--box", box, "--port", port).json
    cut = sfi("query-index", "--image", tmp_path / "part.png", "--port", port).json
    assert [each["path"] for each in part] == [each["path"] for each in cut]
    other = model_dir / "r2plus1d_18-made.pth"
    ended = sfi("query-index", "--image", source, "--port", port, "--weights", other)
    assert (ended.code, "are other weights than the index is of" in ended.err) == (Exit.REFUSED, True)


def test_an_index_of_the_old_sfi_is_asked_with_a_picture_and_names_pictures(sfi, served, photos, tmp_path):
    small = ("--image-size", 64)
    sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", *small)
    for side_file in (tmp_path / "f").rglob("*.meta.json"):
        side_file.unlink()
    sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i")
    side_files = list(tmp_path.glob("i.idx.*"))
    for path in side_files:
        path.unlink()
    picture = sorted((photos / "crab").iterdir())[0]
    port = served(tmp_path / "i", "--images", photos)
    ask = ("query-index", "--port", port, "--image", picture, "--num-results", 2)
    assert "Say it: --encoder resnet50 --image-size 448" in sfi(*ask).err
    found = sfi(*ask, "--encoder", "resnet50", *small).json
    assert Path(found[0]["media"]) == picture
    assert found[0]["similarity"] == pytest.approx(1, abs=1e-3)
    assert sfi(*ask, "--encoder", "resnet50", *small, "--draw", tmp_path / "drawn").code == 0
    assert len(list((tmp_path / "drawn").iterdir())) == 2
    info = json.loads(served.processes[0].stdout.readline())["info"]
    assert (info["encoder"], info["has_media"], info["count"]) == (None, True, 6)


def test_a_picture_is_found_by_the_name_of_its_features_unless_several_have_it(tmp_path):
    for name in ("crab/a.jpg", "crab/b.png", "llama/b.jpg", "c.d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    pictures = SourcePictures(tmp_path)
    names = ["f/crab/a.npy", "f/a.npy", "f/a.jpg.npy", "f/llama/b.npy", "f/b.npy", "c.d.npy", "f/none.npy"]
    found = [pictures.of(name) for name in names]
    assert [path and str(Path(path).relative_to(tmp_path)) for path in found] == [
        "crab/a.jpg", "crab/a.jpg", "crab/a.jpg", "llama/b.jpg", None, "c.d.jpg", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("HEAD", "/health", 200, None),
        ("HEAD", "/none", 404, None),
        ("PUT", "/", 405, "POST"),
        ("DELETE", "/info", 405, "GET, HEAD"),
        ("BREW", "/", 501, None),
    ],
)
def test_other_methods_are_answered_in_json_too(served, index, method, path, status, allowed):
    connection = http.client.HTTPConnection("127.0.0.1", served(index), timeout=120)
    connection.request(method, path)
    answer = connection.getresponse()
    content = answer.read()
    assert (answer.status, answer.getheader("Allow")) == (status, allowed)
    assert answer.getheader("Content-Type") == "application/json; charset=utf-8"
    assert (content == b"") if method == "HEAD" else set(json.loads(content)) == {"code", "detail"}
    connection.close()


def test_a_port_that_is_taken_is_told_with_what_to_do(sfi, served, index):
    ended = sfi("serve-index", "--index", index, "--port", served(index))
    assert ended.code == Exit.REFUSED
    assert "Another program listens there; stop it, or give another --port" in ended.err


def test_sigterm_ends_the_server_in_order(served, index):
    served(index)
    [process] = served.processes
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 0
    assert process.stderr.read() == ""


def test_who_asks_needs_the_token_when_there_is_one(sfi, served, index, tmp_path):
    (tmp_path / "token").write_text("a long enough secret\n")
    port = served(index, "--token-file", tmp_path / "token")
    status, answer = post(port, json.dumps(GOOD).encode())
    assert (status, answer["code"]) == (401, "no-token")
    assert post(port, json.dumps(GOOD).encode(), Authorization="Bearer a long enough secret")[0] == 200
    query = ("query-index", "--query", tmp_path / "f" / "v-1.npy", "--port", port)
    refused = sfi(*query)
    assert (refused.code, "given no token: name the file" in refused.err) == (Exit.REFUSED, True)
    (tmp_path / "other").write_text("another long secret\n")
    assert "another token than its own" in sfi(*query, "--token-file", tmp_path / "other").err
    assert sfi(*query, "--token-file", tmp_path / "token").code == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])
def test_another_host_than_this_machine_needs_a_token(sfi, index, host):
    ended = sfi("serve-index", "--index", index, "--host", host)
    assert (ended.code, "that needs --token-file" in ended.err) == (Exit.REFUSED, True)


def test_what_cannot_be_served_is_refused(sfi, index, tmp_path):
    assert "does not exist; build it" in sfi("serve-index", "--index", tmp_path / "none").err
    (tmp_path / "short").write_text("abc")
    assert "at least 16" in sfi("serve-index", "--index", index, "--token-file", tmp_path / "short").err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = sfi("serve-index", "--index", index, "--port", taken.getsockname()[1])
    assert (ended.code, "cannot be listened to: Address already in use" in ended.err) == (Exit.REFUSED, True)


def test_a_damaged_index_ends_the_server_with_a_sentence(index):
    index.with_suffix(".json").write_text("{}")
    ended = subprocess.run(
        [ROOT / "bin" / "sfi", "serve-index", "--index", index, "--port", "0"],
        env=os.environ, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == Exit.REFUSED
    assert "was changed, or a build was cut off" in ended.stderr
    assert "Traceback" not in ended.stderr
