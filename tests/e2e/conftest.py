"""One running instance for the whole folder, with real media to point it at."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.e2e.instance import Client, Instance

CLASSES = ("cannon", "Motorbikes", "pizza", "stop_sign", "yin_yang", "minaret", "car_side")
VIDEOS = (
    "scenes/dog.mp4",
    "gestures/again.mkv",
    "codecs/h265_video.mp4",
    "codecs/sea-360p.webm",
    "codecs/sea-360p.avi",
)
BROKEN = ("empty.jpg", "truncated_jpeg.jpg", "sea-cut.mkv", "nonsense.jpg")


@pytest.fixture(scope="session")
def media_root(shared_data):
    """A folder with 130 photos of seven classes, four videos and four broken files."""
    folder = Path(tempfile.mkdtemp(prefix="sisyphus-e2e-"))
    folder.chmod(0o755)
    for name in CLASSES:
        (folder / "media" / name).mkdir(parents=True)
        for photo in sorted((shared_data / "photos" / name).glob("*.jpg"))[:20]:
            shutil.copyfile(photo, folder / "media" / name / photo.name)
    (folder / "media" / "videos").mkdir()
    for name in VIDEOS:
        shutil.copyfile(shared_data / "videos" / name, folder / "media" / "videos" / Path(name).name)
    (folder / "media" / "broken").mkdir()
    for name in BROKEN:
        shutil.copyfile(shared_data / "bad_media" / "broken" / name, folder / "media" / "broken" / name)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def instance(media_root):
    running = Instance(media_root / "sisyphus", media_root / "media")
    running.data_dir.mkdir(mode=0o700)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def operator(instance) -> Client:
    client = Client(instance.url)
    client.sign_in("operator", instance.password)
    return client


@pytest.fixture(scope="session")
def client(instance, operator) -> Client:
    """A token's client with every scope."""
    scopes = ["read", "label", "upload", "run", "export"]
    made = operator.call("POST", "/api/v1/tokens/", {"name": "e2e", "scopes": scopes, "days": 1})
    assert made.status == 201, made.body
    return Client(instance.url, made.json["secret"])


@pytest.fixture(scope="session")
def ready_corpus(client, media_root) -> int:
    """The id of a corpus whose media are in, encoded, stacked and indexed."""
    made = client.call("POST", "/api/v1/corpora/", {"name": "e2e"})
    assert made.status == 201, made.body
    api = f"/api/v1/corpora/{made.json['id']}"
    started = client.call("POST", f"{api}/sources/", {"path": str(media_root / "media")})
    assert started.status in {201, 202}, started.body
    jobs = client.call("GET", f"{api}/jobs/").json["results"]
    for job in sorted(jobs, key=lambda job: job["id"]):
        client.done(f"{api}/jobs/{job['id']}/")
    return made.json["id"]
