"""Keys and size of tiles of a person: kept on the server, theirs alone, the last write holds."""

import orjson
import pytest
from rest_framework.test import APIClient

from labeling.models import GridSettings

pytestmark = pytest.mark.django_db
PATH = "/api/v1/me/grid/"


@pytest.fixture
def client_of():
    def made(user) -> APIClient:
        client = APIClient()
        client.force_authenticate(user)
        return client

    return made


def change(client, **fields):
    return client.patch(PATH, orjson.dumps(fields), content_type="application/json")


def test_nothing_is_set_until_somebody_sets_it(client_of, ann):
    assert client_of(ann).get(PATH).json() == {"keys": None, "tile_px": None}
    assert not GridSettings.objects.exists()


def test_what_was_set_is_found_again_and_the_last_write_holds(client_of, ann):
    one, other = client_of(ann), client_of(ann)
    assert change(one, keys={"accept": ["j"]}).status_code == 200
    change(other, tile_px=230)
    change(other, keys={"accept": ["f"], "reject": []})
    wanted = {"keys": {"accept": ["f"], "reject": []}, "tile_px": 230}
    assert one.get(PATH).json() == wanted
    as_they_come = change(one, keys={}).json()  # by choice: another thing than never set
    assert as_they_come == {"keys": {}, "tile_px": 230}


def test_they_are_ones_own(client_of, ann, mia):
    change(client_of(ann), tile_px=300)
    assert client_of(mia).get(PATH).json() == {"keys": None, "tile_px": None}


@pytest.mark.parametrize(
    "fields",
    [
        {"keys": {"accept": "j"}},
        {"keys": {"Not An Action!": ["j"]}},
        {"keys": {"accept": ["x" * 30]}},
        {"keys": {f"action-{number}": [] for number in range(200)}},
        {"tile_px": 5},
        {"tile_px": None},
        {"user": 1},
    ],
)
def test_nonsense_is_refused(client_of, ann, fields):
    refused = change(client_of(ann), **fields)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert not GridSettings.objects.exists()
