"""Nobody is served what is in front of somebody else; what is answered, left or forgotten is free again."""

import threading
from uuid import uuid4

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from labeling.models import Lease, Verdict
from labeling.services.leases import claim_tiles, forget_expired, held_by_others, release_page
from labeling.services.projection import projection_differences
from sisyphus_web.accounts.models import Membership, Role, User
from tests.indexing.made import add_items, clustered, make_feature_set
from tests.indexing.test_search_service import service, shared  # noqa: F401 - fixtures
from tests.labeling.test_api import an_answer, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def items(corpus):
    """240 photos in 120 stacks of 2."""
    return add_items(make_feature_set(corpus), clustered(240), num_per_stack=2)


@pytest.fixture
def as_user(corpus):
    def client(user):
        made = APIClient()
        made.force_authenticate(user)
        return made

    return client


def page_of(client, corpus, cat, items, *, k=20, **asked):
    body = {"class": cat.pk, "terms": [{"kind": "item", "item": items[0].pk}], "k": k} | asked
    answer = post(client, f"/api/v1/corpora/{corpus.pk}/rank/", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def stacks(page):
    return [tile["stack"] for tile in page["neighbors"]]


def test_two_annotators_get_different_tiles_of_the_same_ranking(corpus, ann, mia, cat, items, as_user):
    first = page_of(as_user(ann), corpus, cat, items)
    second = page_of(as_user(mia), corpus, cat, items)
    assert len(stacks(first)) == len(stacks(second)) == 20  # filled from further down
    assert not set(stacks(first)) & set(stacks(second))
    assert [tile["rank"] for tile in second["neighbors"]] == list(range(20, 40))
    assert "in front of others" in " ".join(second["notes"])


def test_ones_own_other_tab_is_no_obstacle(corpus, ann, cat, items, as_user):
    client = as_user(ann)
    one = page_of(client, corpus, cat, items, page="one")
    two = page_of(client, corpus, cat, items, page="two")
    assert stacks(one) == stacks(two)


def test_a_viewer_sees_everything_and_holds_nothing(corpus, ann, vera, cat, items, as_user):
    first = page_of(as_user(ann), corpus, cat, items)
    seen = page_of(as_user(vera), corpus, cat, items)
    assert stacks(seen) == stacks(first)
    assert not Lease.objects.filter(annotator=vera).exists()


def test_a_preview_leaves_out_what_is_held_and_holds_nothing(corpus, ann, mia, cat, items, as_user):
    first = page_of(as_user(ann), corpus, cat, items)
    preview = page_of(as_user(mia), corpus, cat, items, is_preview=True)
    assert not set(stacks(first)) & set(stacks(preview))
    assert not Lease.objects.filter(annotator=mia).exists()


def test_a_new_ranking_lets_go_of_the_page_before(corpus, ann, mia, cat, items, as_user):
    client = as_user(ann)
    page_of(client, corpus, cat, items, page="tab")
    other = [{"kind": "item", "item": items[200].pk}]
    second = page_of(client, corpus, cat, items, page="tab", terms=other)
    assert held_by_others(cat, by=mia) == set(stacks(second))


def test_a_further_page_keeps_the_ones_before(corpus, ann, mia, cat, items, as_user):
    client = as_user(ann)
    first = page_of(client, corpus, cat, items, page="tab")
    second = page_of(client, corpus, cat, items, page="tab", offset=20, round=first["round"])
    assert held_by_others(cat, by=mia) == set(stacks(first)) | set(stacks(second))


def test_an_answer_lets_go(corpus, ann, mia, cat, items, as_user):
    client = as_user(ann)
    tile = page_of(client, corpus, cat, items)["neighbors"][0]
    item = next(each for each in items if each.pk == tile["item"])
    post(client, f"/api/v1/corpora/{corpus.pk}/verdicts/", {"operations": [an_answer(item, cat)]})
    assert tile["stack"] not in held_by_others(cat, by=mia)


def test_leaving_lets_go_and_a_heart_beat_says_what_was_lost(corpus, ann, mia, cat, items, as_user):
    path = f"/api/v1/corpora/{corpus.pk}/leases/"
    mine = stacks(page_of(as_user(ann), corpus, cat, items, page="tab"))
    beat = {"class": cat.pk, "page": "tab", "tiles": mine}
    assert post(as_user(ann), path, beat).json() == {"lost": [], "seconds": 90}
    assert post(as_user(mia), path, beat).json()["lost"] == sorted(mine)
    assert post(as_user(ann), path, beat | {"tiles": []}).json()["lost"] == []
    assert post(as_user(mia), path, beat).json()["lost"] == []
    assert post(as_user(ann), path, beat).json()["lost"] == sorted(mine)


def test_what_a_killed_client_held_is_served_once_its_lease_ran_out(corpus, ann, mia, cat, items, as_user):
    mine = page_of(as_user(ann), corpus, cat, items, k=200)
    assert len(stacks(mine)) == 120
    assert stacks(page_of(as_user(mia), corpus, cat, items)) == []
    Lease.objects.update(expires_at=timezone.now())
    assert stacks(page_of(as_user(mia), corpus, cat, items)) == stacks(mine)[:20]


def test_old_leases_are_forgotten(corpus, ann, mia, cat):
    claim_tiles(cat, [1, 2], by=ann)
    Lease.objects.filter(tile=1).update(expires_at=timezone.now() - timezone.timedelta(hours=1))
    assert (forget_expired(), Lease.objects.count()) == (1, 1)
    release_page(cat, by=mia)
    assert held_by_others(cat, by=mia) == {2}
    release_page(cat, by=ann)
    assert held_by_others(cat, by=mia) == set()


def test_what_was_answered_after_the_ranking_was_made_is_not_served(
    corpus, ann, mia, cat, items, monkeypatch
):
    """The answer comes between the search service's look at the ledger and the lease."""
    from labeling.services import serving
    from labeling.services.verdicts import record_verdicts
    from tests.labeling.conftest import operation

    look_around = serving.look_around

    def look_around_late(label_class, *, by):
        made = operation(items[0], cat, stack=items[0].stack_id)
        record_verdicts(corpus=corpus, annotator=mia, operations=[made])
        return look_around(label_class, by=by)

    monkeypatch.setattr(serving, "look_around", look_around_late)
    client = APIClient()
    client.force_authenticate(ann)
    found = page_of(client, corpus, cat, items)
    assert items[0].stack_id not in stacks(found)
    assert len(stacks(found)) == 20


def test_twenty_annotators_at_once_lose_nothing_double_nothing_and_meet_nowhere(corpus, cat, items):
    people = [User.objects.create_user(f"annotator{n}") for n in range(20)]
    for user in people:
        Membership.objects.create(corpus=corpus, user=user, role=Role.ANNOTATOR)
    start = threading.Barrier(20)
    served: list[tuple[int, int]] = []  # (annotator, stack)
    acknowledged: list[str] = []
    problems: list[object] = []

    def work(user):
        client = APIClient()
        client.force_authenticate(user)
        of_item = {item.pk: item for item in items}
        try:
            start.wait()
            while True:
                found = page_of(client, corpus, cat, items, k=5, page=user.username)
                if not found["neighbors"]:
                    break
                served.extend((user.pk, stack) for stack in stacks(found))
                batch = str(uuid4())
                operations = [
                    an_answer(
                        of_item[tile["item"]],
                        cat,
                        base_version=tile["version"],
                        stack_revision=tile["stack_revision"],
                        batch=batch,
                    )
                    for tile in found["neighbors"]
                ]
                path = f"/api/v1/corpora/{corpus.pk}/verdicts/"
                first = post(client, path, {"operations": operations}).json()["results"]
                again = post(client, path, {"operations": operations}).json()[
                    "results"
                ]  # the answer got lost
                assert {each["outcome"] for each in again} == {"duplicate"}
                acknowledged.extend(each["operation_id"] for each in first if each["outcome"] == "applied")
                problems.extend(each for each in first if each["outcome"] != "applied")
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert problems == []
    assert len({stack for _, stack in served}) == len(set(served)) == len(served) == 120
    recorded = [str(each) for each in Verdict.objects.values_list("operation_id", flat=True)]
    assert sorted(recorded) == sorted(acknowledged)
    assert len(recorded) == 120
    assert projection_differences(corpus) == []
    assert not Lease.objects.exists()


def test_a_second_look_is_among_the_tiles_without_a_sign(corpus, ann, mia, cat, items, as_user):
    cat.second_share = 1.0
    cat.save()
    decided = items[0]
    verdicts = f"/api/v1/corpora/{corpus.pk}/verdicts/"
    post(as_user(mia), verdicts, {"operations": [an_answer(decided, cat)]})
    assert decided.pk not in [tile["item"] for tile in page_of(as_user(mia), corpus, cat, items)["neighbors"]]
    post(as_user(mia), f"/api/v1/corpora/{corpus.pk}/leases/", {"class": cat.pk, "page": "", "tiles": []})
    found = page_of(as_user(ann), corpus, cat, items, k=40)["neighbors"]
    look = next(tile for tile in found if tile["item"] == decided.pk)
    assert len(found) == 41  # nothing is pushed out: the next page begins at 40
    assert (look["answer"], look["version"], look["by"], look["at"]) == ("", 0, None, None)
    assert (look["count"], look["stack"], look["is_derived"]) == (2, decided.stack_id, False)
    assert [tile["rank"] for tile in found] == list(range(found[0]["rank"], found[0]["rank"] + 41))
    similarities = [tile["similarity"] for tile in found]
    assert similarities == sorted(similarities, reverse=True)
    assert all(float(np.float32(each)) == each for each in similarities)
    assert look["why"] in [tile["why"] for tile in found if tile is not look]
    again = page_of(as_user(ann), corpus, cat, items, k=40)["neighbors"]
    assert [tile["item"] for tile in again] == [tile["item"] for tile in found]
    (result,) = post(as_user(ann), verdicts, {"operations": [an_answer(decided, cat, "reject")]}).json()[
        "results"
    ]
    assert (result["outcome"], result["answer"], result["version"]) == ("applied", "reject", 1)
    vote = Verdict.objects.get(annotator=ann)
    assert (vote.is_blind, vote.mode) == (True, "second")


def test_a_blind_vote_is_listed_as_an_answer_to_its_ranking(corpus, ann, mia, cat, items, as_user):
    cat.second_share = 1.0
    cat.save()
    api = f"/api/v1/corpora/{corpus.pk}"
    post(as_user(mia), f"{api}/verdicts/", {"operations": [an_answer(items[0], cat)]})
    client = as_user(ann)
    page = page_of(client, corpus, cat, items, k=40)
    ordinary = next(tile for tile in page["neighbors"] if tile["item"] != items[0].pk)
    for item in (items[0].pk, ordinary["item"]):
        answer = an_answer(items[0], cat, round=page["round"], stack=None) | {"item": item}
        post(client, f"{api}/verdicts/", {"operations": [answer]})
    assert Verdict.objects.filter(annotator=ann, mode="second").count() == 1
    listed = client.get(f"{api}/verdicts/").json()["results"]
    assert [each["mode"] for each in listed if each["by"] == ann.username] == ["similar", "similar"]
    assert [each["mode"] for each in client.get(f"{api}/batches/").json()["results"]] == ["similar"] * 2


def test_with_another_filter_nothing_else_is_among_the_tiles(corpus, ann, mia, cat, items, as_user):
    cat.second_share = 1.0
    cat.save()
    verdicts = f"/api/v1/corpora/{corpus.pk}/verdicts/"
    post(as_user(mia), verdicts, {"operations": [an_answer(items[0], cat)]})
    found = page_of(as_user(ann), corpus, cat, items, k=40, filters={"kinds": ["image"]})["neighbors"]
    assert items[0].pk not in [tile["item"] for tile in found]


def test_second_looks_push_nothing_out_of_a_ranking(corpus, ann, mia, cat, items, as_user):
    cat.second_share = 1.0
    cat.save()
    answers = [an_answer(item, cat) for item in items[:16:2]]
    post(as_user(mia), f"/api/v1/corpora/{corpus.pk}/verdicts/", {"operations": answers})
    client = as_user(ann)
    first = page_of(client, corpus, cat, items, k=40)
    pages = [first] + [
        page_of(client, corpus, cat, items, k=40, offset=offset, round=first["round"])
        for offset in range(40, first["total"], 40)
    ]
    undecided = {item.stack_id for item in items[16:]}
    assert undecided <= {stack for page in pages for stack in stacks(page)}
