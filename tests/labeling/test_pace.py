"""A pace and a forecast are of the person's own keys: tokens and imports have none, and both pages agree."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from indexing.models import Item
from labeling.models import Verdict
from sisyphus_web.accounts.models import Token
from tests.labeling.conftest import items_of, photo
from tests.labeling.test_api import an_answer, post

pytestmark = pytest.mark.django_db
BEGUN = timedelta(hours=2)


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}"


def client_of(user, token=None):
    made = APIClient()
    made.force_authenticate(user, token)
    return made


def left_to_find(corpus, count):
    """So many undecided frames, so that the forecast has where to look."""
    video = photo(corpus, "long.mp4", kind="video")
    Item.objects.bulk_create(
        Item(corpus=corpus, media_file=video, start_pts=number, stop_pts=number + 1)
        for number in range(count)
    )


def say(client, api, cat, items, answers, *, seconds, **fields):
    """One answer to each item, a key every so many seconds; their batches."""
    begun = timezone.now() - BEGUN
    said = [
        an_answer(item, cat, answer, **fields)
        | {"client_time": (begun + timedelta(seconds=seconds * number)).isoformat()}
        for number, (item, answer) in enumerate(zip(items, answers, strict=True))
    ]
    for start in range(0, len(said), 100):
        results = post(client, f"{api}/verdicts/", {"operations": said[start : start + 100]}).json()[
            "results"
        ]
        assert {each["outcome"] for each in results} == {"applied"}
    return [each["batch"] for each in said]


def forecast(client, api, cat):
    return client.get(f"{api}/forecast/?class={cat.pk}").json()


def pace_on_people_page(mia, api, cat, name):
    people = client_of(mia).get(f"{api}/people/?class={cat.pk}").json()["people"]
    return next(each["per_minute"] for each in people if each["name"] == name)


def test_what_a_token_or_an_import_said_changes_no_forecast(api, corpus, ann, mia, cat):
    left_to_find(corpus, 5000)
    by_hand, by_script, by_import = items_of(corpus, 40), items_of(corpus, 120), items_of(corpus, 30)
    say(client_of(ann), api, cat, by_hand, ["accept", "reject"] * 20, seconds=3)
    before = forecast(client_of(ann), api, cat)
    token, _ = Token.objects.create(user=ann, name="script", scopes=["read", "label"])
    say(client_of(ann, token), api, cat, by_script, ["accept"] * 120, seconds=0.01)
    say(client_of(ann), api, cat, by_import, ["accept"] * 30, seconds=3, mode="import")
    after = forecast(client_of(ann), api, cat)
    assert (after["decisions"], after["per_minute"]) == (40, pytest.approx(20))
    assert after["to_wanted"] == before["to_wanted"]
    assert pace_on_people_page(mia, api, cat, "ann") == pytest.approx(after["per_minute"])
    assert not Verdict.objects.filter(item__in=by_script).exclude(client_time=None).exists()


def test_a_pause_is_no_work_in_the_forecast_nor_among_people(api, corpus, ann, mia, cat):
    items = items_of(corpus, 40)
    say(client_of(ann), api, cat, items[:20], ["accept"] * 20, seconds=3)
    later = timezone.now() - BEGUN + timedelta(hours=1)
    said = [an_answer(item, cat, "accept") | {"client_time": later.isoformat()} for item in items[20:]]
    for number, each in enumerate(said):
        each["client_time"] = (later + timedelta(seconds=3 * number)).isoformat()
    post(client_of(ann), f"{api}/verdicts/", {"operations": said})
    told = forecast(client_of(ann), api, cat)
    assert told["per_minute"] == pytest.approx(20)
    assert pace_on_people_page(mia, api, cat, "ann") == pytest.approx(20)


def test_what_was_taken_back_is_no_find(api, corpus, ann, cat):
    left_to_find(corpus, 5000)
    client = client_of(ann)
    batches = say(client, api, cat, items_of(corpus, 40), ["accept"] * 40, seconds=3)
    before = forecast(client, api, cat)["to_wanted"]
    for batch in batches[::2]:
        post(client, f"{api}/undo/", {"batch": batch, "operation_id": str(uuid4())})
    after = forecast(client, api, cat)["to_wanted"]
    assert after["minutes"] > 1.5 * before["minutes"]
