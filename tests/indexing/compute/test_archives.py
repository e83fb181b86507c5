"""Zip archives: nothing written, names harmless, bombs and links refused."""

import io
import struct
import zipfile

import pytest

from indexing.compute import archives
from indexing.compute.archives import ArchiveRefused, display_name, entries


def make_zip(path, files: dict[str, bytes], compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return path


def test_entries_come_with_their_bytes(tmp_path):
    path = make_zip(
        tmp_path / "a.zip", {"x/a.jpg": b"aa", "b.jpg": b"b" * 5_000_000 + bytes(range(256)) * 200}
    )
    found = {entry.name: b"".join(entry.blocks()) for entry in entries(path) if entry.name == "x/a.jpg"}
    assert found == {"x/a.jpg": b"aa"}


def test_a_bomb_is_stopped_by_what_really_comes_out(tmp_path):
    path = make_zip(tmp_path / "bomb.zip", {"zeros.png": bytes(50_000_000)})
    found = entries(path)
    blocks = next(found).blocks()
    limit = max(1 << 20, 200 * (path.stat().st_size))
    assert sum(len(block) for _, block in zip(range(limit >> 20), blocks, strict=False)) <= limit
    with pytest.raises(ArchiveRefused, match="more than 200 times"):
        list(blocks)


def test_a_lie_about_the_size_is_noticed(tmp_path):
    path = make_zip(tmp_path / "lie.zip", {"a.png": bytes(3_000_000)})
    body = bytearray(path.read_bytes())
    at = body.rfind(b"PK\x01\x02")
    body[at + 24 : at + 28] = struct.pack("<I", 10)  # the directory says ten bytes
    path.write_bytes(body)
    for entry in entries(path):
        with pytest.raises(ArchiveRefused, match="damaged"):
            list(entry.blocks())


def test_overlapping_entries_are_refused(tmp_path):
    path = make_zip(tmp_path / "twice.zip", {"a.png": b"1" * 1000, "b.png": b"2" * 1000}, zipfile.ZIP_STORED)
    body = bytearray(path.read_bytes())
    second = body.rfind(b"PK\x01\x02")
    body[second + 42 : second + 46] = struct.pack("<I", 0)  # the second entry points at the first
    path.write_bytes(body)
    with pytest.raises(ArchiveRefused, match="overlap"):
        list(entries(path))


def test_links_and_secrets_are_left_out(tmp_path):
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    (entry,) = entries(path)
    assert entry.refusal == "it is a link or a device, not a file"


def test_too_many_entries_are_refused(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "many.zip", {f"{k}.txt": b"" for k in range(20)})
    monkeypatch.setattr(archives, "MAX_ENTRIES", 10)
    with pytest.raises(ArchiveRefused, match="more than 10 entries"):
        list(entries(path))


@pytest.mark.parametrize("cut", [10, 200])
def test_a_cut_off_zip_is_refused(tmp_path, cut):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a.png", bytes(400))
    path = tmp_path / "cut.zip"
    path.write_bytes(whole.getvalue()[:-cut])
    with pytest.raises(ArchiveRefused, match="Make it again"):
        list(entries(path))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/a.jpg", "abs/a.jpg"),
        ("C:\\photos\\a.jpg", "C:/photos/a.jpg"),
        ("a\x00b\n.jpg", "ab.jpg"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("..", "unnamed"),
    ],
)
def test_names_are_for_display(given, shown):
    assert display_name(given) == shown


def test_a_large_directory_behind_a_locator_that_points_elsewhere_is_refused(tmp_path):
    """The library reads the record just before the locator, wherever the locator points."""
    path = make_zip(tmp_path / "a.zip", {"a.jpg": b"a" * 100})
    body = path.read_bytes()
    at = body.rfind(b"PK\x05\x06")

    def record(directory_bytes: int) -> bytes:
        return struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, directory_bytes, 0)

    small, large = record(100), record(archives.MAX_DIRECTORY_BYTES + 1)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)  # of the small one
    path.write_bytes(body[:at] + small + large + locator + body[at:])
    with pytest.raises(ArchiveRefused, match="more than 100000 entries"):
        list(entries(path))


def test_a_directory_of_unknown_size_is_refused_before_it_is_read(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.jpg": b"a" * 100})
    body = bytearray(path.read_bytes())
    at = body.rfind(b"PK\x05\x06")
    body[at + 12 : at + 16] = b"\xff\xff\xff\xff"  # without a 64-bit record
    path.write_bytes(body)
    with pytest.raises(ArchiveRefused):
        list(entries(path))


def test_a_zip_in_the_64_bit_format_is_read(tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(70_000):  # more than 16 bits can say
            archive.writestr(f"{number}.jpg", b"")
    assert sum(1 for _ in entries(path)) == 70_000
