"""Audits end to end: frozen rankings, blind draws among ordinary tiles, lines from the ledger."""

import json

import numpy as np
import orjson
import pytest
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from labeling.compute.bounds import clopper_pearson, most_positives
from labeling.models import Audit, AuditDraw, BlindLook, FrozenRanking, Lease, Verdict
from labeling.services import audits_places
from tests.indexing.made import add_items, clustered, make_feature_set
from tests.indexing.test_search_service import service, shared  # noqa: F401 - fixtures
from tests.labeling.test_api import an_answer

pytestmark = pytest.mark.django_db(transaction=True)
NUM_CLUSTERS = 20


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}"


def client_of(user) -> APIClient:
    made = APIClient()
    made.force_authenticate(user)
    return made


@pytest.fixture
def client(ann):
    return client_of(ann)


@pytest.fixture
def items(corpus):
    """400 photos in 20 clusters, in no stack; item n is of cluster n % 20, and cluster 0 is looked for."""
    return add_items(make_feature_set(corpus), clustered(400, num_clusters=NUM_CLUSTERS))


@pytest.fixture
def truth(items):
    return {item.pk: number % NUM_CLUSTERS == 0 for number, item in enumerate(items)}


def post(client, path, body):
    return client.post(path, orjson.dumps(body), content_type="application/json")


def rank(client, api, cat, items, **more):
    body = {"class": cat.pk, "terms": [{"kind": "item", "item": items[0].pk}], "k": 60, "page": "one"} | more
    answer = post(client, f"{api}/rank/", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def say(client, api, cat, tiles, truth, answer=None):
    """Answers tiles by the truth, or all alike."""
    for start in range(0, len(tiles), 100):
        operations = [
            an_answer_to(tile, cat, answer or ("accept" if truth[tile["item"]] else "reject"))
            for tile in tiles[start : start + 100]
        ]
        said = post(client, f"{api}/verdicts/", {"operations": operations}).json()
        assert {each["outcome"] for each in said["results"]} <= {"applied", "conflict"}


def an_answer_to(tile, label_class, answer):
    class Thing:
        pk = tile["item"]
        stack_id = tile["stack"]

    return an_answer(Thing, label_class, answer, base_version=tile["version"])


@pytest.fixture
def decided(client, api, cat, items, truth):
    """The first 30 tiles of a ranking are answered."""
    found = rank(client, api, cat, items, k=30)
    say(client, api, cat, found["neighbors"], truth)
    return rank(client, api, cat, items)["round"]


def start(client, api, round_id, **more):
    body = {"round": round_id, "horizon": 200, "looks": 40} | more
    answer = post(client, f"{api}/audits/", body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def work(client, api, cat, items, truth, audit, *, most=12):
    """Answer pages until the audit has been looked at."""
    for _ in range(most):
        if client.get(f"{api}/audits/{audit['id']}/").json()["state"] == "done":
            break
        say(client, api, cat, rank(client, api, cat, items, k=80)["neighbors"], truth)
    return client.get(f"{api}/audits/{audit['id']}/").json()


def test_an_audit_freezes_the_ranking_and_counts_what_is_decided_in_it(
    client, api, cat, items, decided, truth
):
    audit = start(client, api, decided, tail_looks=20)
    frozen = FrozenRanking.objects.get()
    accepted = Verdict.objects.filter(answer="accept").count()
    assert (len(frozen.item_ids), frozen.num_ranked) == (200, 400)
    assert frozen.item_ids[0] == items[0].pk
    recall, tail = audit["recall"], audit["tail"]
    assert (recall["horizon"], recall["accepted"], recall["undecided"]) == (200, accepted, 170)
    nothing = dict.fromkeys(("looked_at", "found", "unsure", "looked_twice", "disputed"), 0)
    assert recall["sample"] == {"looks": 40} | nothing
    assert (tail["stacks"], tail["sample"]["looks"]) == (200, 20)
    assert (audit["state"], audit["looked_at"], audit["looks"]) == ("running", 0, 60)
    assert recall["before"] is recall["after"] is recall["now"] is tail["at_most"] is None
    drawn = AuditDraw.objects.filter(part="horizon").values_list("item", "rank")
    assert all(frozen.item_ids[place] == item and place < 200 for item, place in drawn)
    assert not Verdict.objects.filter(item__in=[item for item, _ in drawn]).exists()
    assert all(place >= 200 for place in AuditDraw.objects.filter(part="tail").values_list("rank", flat=True))


def test_its_lines_are_those_of_the_sample_once_all_of_it_was_looked_at(
    client, api, cat, items, decided, truth
):
    audit = start(client, api, decided, tail_looks=20)
    done = work(client, api, cat, items, truth, audit)
    hits = sum(
        truth[item] for item in AuditDraw.objects.filter(part="horizon").values_list("item", flat=True)
    )
    recall = done["recall"]
    assert (done["state"], done["looked_at"]) == ("done", 60)
    assert recall["sample"]["found"] == hits
    assert recall["missed_at_most"] == most_positives(170, 40, hits, alpha=0.05)
    assert recall["before"] == recall["accepted"] / (recall["accepted"] + recall["missed_at_most"])
    assert recall["after"] >= recall["before"]
    frozen = FrozenRanking.objects.get()
    found = [pk for pk in frozen.item_ids if truth[pk]]
    said = set(Verdict.objects.filter(answer="accept").values_list("item", flat=True))
    assert recall["now"] <= len(said & set(found)) / len(found)
    tail_hits = sum(
        truth[item] for item in AuditDraw.objects.filter(part="tail").values_list("item", flat=True)
    )
    assert done["tail"]["at_most"] == most_positives(200, 20, tail_hits, alpha=0.05)
    assert done["model"]["num_answers"] > 0


def test_an_undo_changes_the_line_and_the_tile_comes_back(client, api, cat, items, decided, truth):
    audit = start(client, api, decided)
    done = work(client, api, cat, items, truth, audit)
    draw = AuditDraw.objects.order_by("position").first()
    event = Verdict.objects.get(item=draw.item_id)
    undo = {"batch": str(event.batch), "operation_id": "0b4f6b64-3c0e-4a53-9b5a-5b6f7ad1a001"}
    assert post(client, f"{api}/undo/", undo).status_code == 200
    undone = client.get(f"{api}/audits/{audit['id']}/").json()
    assert (undone["state"], undone["looked_at"]) == ("running", done["looked_at"] - 1)
    assert undone["recall"]["before"] is None
    say(client, api, cat, [{"item": draw.item_id, "stack": None, "version": 2}], truth, answer="unsure")
    doubtful = client.get(f"{api}/audits/{audit['id']}/").json()["recall"]
    assert doubtful["sample"]["unsure"] == 1
    assert doubtful["missed_at_most"] >= done["recall"]["missed_at_most"]


def test_no_answer_tells_which_tiles_are_audit_tiles(client, api, cat, items, decided, truth):
    before = rank(client, api, cat, items)
    audit = start(client, api, decided, one_in=3)
    page = rank(client, api, cat, items)
    drawn = set(AuditDraw.objects.values_list("item", flat=True))
    tiles = page["neighbors"]
    mixed = [tile for tile in tiles if tile["item"] in drawn]
    assert len(mixed) >= 15
    assert page.keys() == before.keys()
    assert page["total"] == before["total"]
    shapes = {
        tuple((key, type(value).__name__) for key, value in tile.items() if key != "why") for tile in tiles
    }
    assert len(shapes) == 1
    assert {json.dumps(tile["why"]) for tile in mixed} == {json.dumps(tile["why"]) for tile in tiles}
    assert [tile["rank"] for tile in tiles] == list(range(len(tiles)))
    similarities = [tile["similarity"] for tile in tiles]
    assert similarities == sorted(similarities, reverse=True)
    assert all(float(np.float32(each)) == each for each in similarities)
    means = (np.array(similarities[:-2]) + np.array(similarities[2:])) / 2
    assert not np.any(means == similarities[1:-1])  # a mean of its neighbors would give a draw away
    again = rank(client, api, cat, items, round=page["round"])["neighbors"]
    assert [(tile["item"], tile["similarity"]) for tile in again] == [
        (tile["item"], tile["similarity"]) for tile in tiles
    ]
    assert not {"mark", "audit"} & set(tiles[0])
    told = json.dumps([audit, client.get(f"{api}/audits/?class={cat.pk}").json()])
    assert not any(f'"item": {item}' in told or f"[{item}," in told for item in drawn)


def test_draws_are_mixed_in_once_over_the_pages_of_a_round(client, api, cat, items, decided, truth):
    start(client, api, decided, looks=60, one_in=4)
    first = rank(client, api, cat, items)
    say(client, api, cat, first["neighbors"][::2], truth)
    pages = [first]
    for offset in (60, 120, 180, 240, 300, 360):
        pages.append(rank(client, api, cat, items, offset=offset, round=first["round"]))
    shown = [tile["item"] for page in pages for tile in page["neighbors"]]
    drawn = set(AuditDraw.objects.values_list("item", flat=True))
    assert drawn <= set(shown)
    assert all(shown.count(item) == 1 for item in drawn)
    undecided = {pk for pk in truth if not Verdict.objects.filter(item=pk).exists()}
    assert undecided <= set(shown)  # what is ordinary is not pushed out


def test_two_annotators_never_get_the_same_draw_at_a_time(client, api, cat, items, decided, truth, mia):
    audit = start(client, api, decided, one_in=3)
    hers = rank(client, api, cat, items)["neighbors"]
    other = client_of(mia)
    his = rank(other, api, cat, items, page="two")["neighbors"]
    assert not {tile["item"] for tile in hers} & {tile["item"] for tile in his}
    drawn = set(AuditDraw.objects.values_list("item", flat=True))
    assert drawn & {tile["item"] for tile in hers}
    assert drawn & {tile["item"] for tile in his}
    say(client, api, cat, hers, truth)
    say(other, api, cat, his, truth)
    Lease.objects.all().delete()
    assert work(other, api, cat, items, truth, audit)["state"] == "done"


def test_a_viewer_a_filter_and_another_class_see_the_plain_ranking(
    client, api, cat, dog, items, decided, truth, vera, corpus
):
    start(client, api, decided, one_in=3)
    drawn = set(AuditDraw.objects.values_list("item", flat=True))

    def num_early(page):
        return len(drawn & {tile["item"] for tile in page["neighbors"]})

    plain = num_early(rank(client_of(vera), api, cat, items))
    assert num_early(rank(client, api, cat, items)) > plain + 5
    assert num_early(rank(client, api, cat, items, filters={"kinds": ["image"]})) < plain + 5
    assert num_early(rank(client, api, dog, items)) < plain + 10


def test_nothing_of_it_is_kept_in_memory(client, api, cat, items, decided, truth, shared):  # noqa: F811
    """A page of the same round after a restart of the search service has the same draws."""
    from django.core.cache import cache

    start(client, api, decided, one_in=4)
    first = rank(client, api, cat, items)
    drawn = set(AuditDraw.objects.values_list("item", flat=True))
    seen = [tile["item"] for tile in first["neighbors"] if tile["item"] in drawn]
    shared.kill()
    shared.start()
    cache.clear()
    Lease.objects.all().delete()
    again = rank(client, api, cat, items, round=first["round"])
    assert [tile["item"] for tile in again["neighbors"] if tile["item"] in drawn] == seen


def test_one_audit_of_a_class_runs_at_a_time_and_a_stopped_one_says_nothing(
    client, api, cat, items, decided, truth, mia
):
    audit = start(client, api, decided)
    refused = post(client, f"{api}/audits/", {"round": decided, "horizon": 100, "looks": 5})
    assert (refused.status_code, refused.json()["code"]) == (409, "audit-running")
    stopped = post(client_of(mia), f"{api}/audits/{audit['id']}/stop/", {}).json()
    assert (stopped["state"], stopped["recall"]["before"]) == ("stopped", None)
    drawn = set(AuditDraw.objects.values_list("item", flat=True))
    tiles = rank(client, api, cat, items)["neighbors"]
    assert len(drawn & {tile["item"] for tile in tiles}) < 25
    answer = post(client, f"{api}/audits/", {"round": decided, "horizon": 200, "looks": 5})
    assert (answer.status_code, answer.json()["code"]) == (409, "looked-already")


def test_a_second_look_at_the_same_ranking_spends_alpha(client, api, cat, items, decided, truth):
    first = start(client, api, decided, looks=10, is_only_look=False)
    work(client, api, cat, items, truth, first)
    second = start(client, api, decided, looks=10, is_only_look=False)
    assert (first["look"], first["confidence"]) == (1, pytest.approx(0.975))
    assert (second["look"], second["confidence"]) == (2, pytest.approx(0.9875))
    assert second["order"] == first["order"]
    assert FrozenRanking.objects.count() == 1


def test_each_further_ranking_audited_spends_less_and_says_what_all_are_worth(
    client, api, cat, items, decided, truth
):
    first = work(client, api, cat, items, truth, start(client, api, decided))
    assert (first["number"], first["confidence"]) == (1, pytest.approx(0.95))
    assert (first["num_audits"], first["confidence_together"]) == (1, pytest.approx(0.95))
    other = rank(client, api, cat, items, mode="learned", terms=[])
    plan = client.get(f"{api}/audits/plan/?round={other['round']}").json()
    second = start(client, api, other["round"], horizon=300, looks=20)
    assert plan["number"] == second["number"] == 2
    assert plan["confidence"] == second["confidence"] == pytest.approx(1 - 0.05 / 3)
    post(client, f"{api}/audits/{second['id']}/stop/", {})  # a stopped one is spent all the same
    again = client.get(f"{api}/audits/{first['id']}/").json()
    assert (again["num_audits"], again["confidence"]) == (2, pytest.approx(0.95))
    assert again["confidence_together"] == pytest.approx(1 - 0.05 - 0.05 / 3)


def test_older_audits_are_listed_without_their_lines_which_one_may_ask_for(
    client, api, cat, items, decided, truth, django_assert_max_num_queries
):
    audits = []
    for looks in (5, 2, 2, 2):
        audits.append(start(client, api, decided, looks=looks, is_only_look=False))
        draws = AuditDraw.objects.filter(audit=audits[-1]["id"])
        say(client, api, cat, [{"item": each.item_id, "stack": None, "version": 0} for each in draws], truth)
    with django_assert_max_num_queries(12):
        listed = client.get(f"{api}/audits/?class={cat.pk}&kind=recall").json()["results"]
    assert [each["state"] for each in listed] == ["done"] * 4
    assert [each["has_lines"] for each in listed] == [True, False, False, False]
    assert [each["recall"] is None for each in listed] == [False, True, True, True]
    told = client.get(f"{api}/audits/{audits[0]['id']}/").json()
    assert (told["has_lines"], told["recall"]["sample"]["looks"]) == (True, 5)
    assert client.get(f"{api}/audits/?class={cat.pk}&kind=purity").json()["results"] == []
    assert client.get(f"{api}/audits/?class={cat.pk}&kind=other").status_code == 400


def test_draws_of_audits_are_looked_at_twice_before_others(client, api, cat, items, decided, truth, mia):
    audit = start(client, api, decided, looks=100)
    work(client, api, cat, items, truth, audit, most=4)
    drawn = set(AuditDraw.objects.values_list("item", flat=True))
    due = list(BlindLook.objects.filter(label_class=cat, kind="second").order_by("due_at"))
    assert due
    assert {look.item_id for look in due} <= drawn  # of other answers of this class none is asked for
    other = client_of(mia)
    tiles = rank(other, api, cat, items, k=80)["neighbors"]
    again = [tile for tile in tiles if tile["item"] in {look.item_id for look in due}]
    assert again
    assert {tile["answer"] for tile in again} == {""}
    say(other, api, cat, again, truth)
    told = client.get(f"{api}/audits/{audit['id']}/").json()["recall"]["sample"]
    assert (told["looked_twice"], told["disputed"]) == (len(again), 0)


def test_a_second_look_that_differs_counts_against_the_bound(client, api, cat, items, decided, truth, mia):
    audit = work(client, api, cat, items, truth, start(client, api, decided, looks=100))
    other = client_of(mia)
    due = {look.item_id for look in BlindLook.objects.filter(label_class=cat, kind="second")}
    tiles = rank(other, api, cat, items, k=80)["neighbors"]
    wrong = [tile for tile in tiles if tile["item"] in due and not truth[tile["item"]]][:1]
    say(other, api, cat, wrong, truth, answer="accept")
    told = client.get(f"{api}/audits/{audit['id']}/").json()["recall"]
    assert told["sample"]["disputed"] == len(wrong) == 1
    assert told["sample"]["unsure"] == 1
    assert told["missed_at_most"] > audit["recall"]["missed_at_most"]


def test_a_running_audit_says_how_long_it_takes_and_whether_it_may_reach_its_target(
    client, api, cat, items, decided, truth
):
    audit = start(client, api, decided, horizon=100, looks=60)
    say(client, api, cat, rank(client, api, cat, items, k=40)["neighbors"], truth)
    told = client.get(f"{api}/forecast/?class={cat.pk}").json()["audit"]
    assert (told["audit"], told["target"]) == (audit["id"], 0.9)
    assert 0 <= told["share"] <= 1
    assert 0 < told["to_done"]["low"] <= told["to_done"]["minutes"] <= told["to_done"]["high"]
    assert (told["to_target"] is None) == (told["share"] < 0.5)
    work(client, api, cat, items, truth, audit)
    assert client.get(f"{api}/forecast/?class={cat.pk}").json()["audit"] is None


def test_a_new_ranking_needs_a_new_audit_and_the_old_one_stays_listed(
    client, api, cat, items, decided, truth
):
    old = work(client, api, cat, items, truth, start(client, api, decided))
    other = rank(client, api, cat, items, mode="learned", terms=[])
    new = start(client, api, other["round"], horizon=300, looks=20)
    listed = client.get(f"{api}/audits/?class={cat.pk}").json()["results"]
    assert [each["id"] for each in listed] == [new["id"], old["id"]]
    assert listed[1]["recall"] == old["recall"] | {"now": listed[1]["recall"]["now"]}
    assert listed[0]["mode"] == "learned"


def test_stacks_drawn_are_stacks_counted(client, api, cat, corpus):
    vectors = clustered(300, num_clusters=NUM_CLUSTERS, seed=3)
    vectors = vectors[np.argsort(np.arange(300) % NUM_CLUSTERS, kind="stable")]  # a stack is of one cluster
    items = add_items(make_feature_set(corpus), vectors, num_per_stack=3)
    found = rank(client, api, cat, items, k=10)
    say(client, api, cat, found["neighbors"], {item.pk: number < 15 for number, item in enumerate(items)})
    again = rank(client, api, cat, items)
    audit = start(client, api, again["round"], horizon=60, looks=20)
    assert (audit["recall"]["horizon"], audit["recall"]["undecided"]) == (60, 50)
    assert {len(draw.member_ids) for draw in AuditDraw.objects.all()} == {3}
    tiles = rank(client, api, cat, items)["neighbors"]
    drawn = {draw.stack_id: draw for draw in AuditDraw.objects.all()}
    shown = [tile for tile in tiles if tile["stack"] in drawn]
    assert {tile["count"] for tile in shown} == {3}
    say(client, api, cat, shown, {}, answer="reject")
    told = client.get(f"{api}/audits/{audit['id']}/").json()
    assert told["looked_at"] == len(shown)


def test_of_a_long_tail_places_are_drawn_and_decided_ones_passed_over(
    client, api, cat, items, decided, truth, monkeypatch, django_assert_max_num_queries
):
    beyond = rank(client, api, cat, items, k=200, offset=150, filters={"states": ["untouched"]})
    say(client, api, cat, beyond["neighbors"][:150], truth, answer="reject")
    monkeypatch.setattr(audits_places, "WHOLE_TAIL", 50)
    with django_assert_max_num_queries(60):  # many places are asked for and judged at once
        audit = start(client, api, decided, horizon=100, tail_looks=25)
    drawn = AuditDraw.objects.filter(part="tail")
    assert (audit["tail"]["stacks"], audit["tail"]["sample"]["looks"], len(drawn)) == (300, 25, 25)
    assert all(100 <= each.rank < 400 for each in drawn)
    assert not Verdict.objects.filter(item__in=[each.item_id for each in drawn]).exists()


def test_audits_of_weak_batches_hold_up_no_audit_of_recall(client, api, cat, items, decided, truth, weak):
    audit = start(client, api, decided, looks=20)
    for _ in range(9):
        other = post(client, f"{api}/weak/{weak['id']}/purity/", {"looks": 2, "is_only_look": False})
        assert other.status_code == 201, other.content
    assert (
        post(client, f"{api}/audits/", {"round": decided, "horizon": 200, "looks": 40})
    ).status_code == 409
    assert work(client, api, cat, items, truth, audit)["state"] == "done"


def test_a_plan_says_what_looks_cost_and_the_most_they_can_say(client, api, cat, items, decided):
    plan = client.get(f"{api}/audits/plan/?round={decided}").json()
    assert [each["stacks"] for each in plan["horizons"]] == [100, 200, 400]
    horizon = plan["horizons"][1]
    assert (horizon["undecided"], plan["num_ranked"], plan["confidence"]) == (170, 400, 0.95)
    census = horizon["options"][-1]
    assert (census["looks"], census["recall"]) == (170, 1.0)
    recalls = [each["recall"] for each in horizon["options"]]
    assert recalls == sorted(recalls)
    assert [each["looks"] for each in plan["price"]] == pytest.approx([30_000, 3_000, 600], rel=0.01)
    assert plan["per_minute"] == pytest.approx(75)
    assert not plan["is_pace_measured"]
    assert Audit.objects.count() == FrozenRanking.objects.count() == 0


def test_the_forecast_needs_some_decisions_and_then_has_an_interval(client, api, cat, items):
    assert client.get(f"{api}/forecast/?class={cat.pk}").json()["to_wanted"] is None
    tiles = rank(client, api, cat, items, k=60)["neighbors"]
    for number, tile in enumerate(tiles):
        answer = an_answer_to(tile, cat, "accept" if number % 3 == 0 else "reject")
        answer["client_time"] = f"2026-11-21T10:{number // 60:02}:{number % 60:02}Z"
        post(client, f"{api}/verdicts/", {"operations": [answer]})
    told = client.get(f"{api}/forecast/?class={cat.pk}").json()
    assert (told["decisions"], told["per_minute"]) == (60, pytest.approx(60))
    assert 0 < told["to_wanted"]["low"] < 2.5 < told["to_wanted"]["minutes"]


@pytest.fixture
def weak(client, api, cat, items):
    found = rank(client, api, cat, items, k=5)
    return post(client, f"{api}/weak/", {"round": found["round"], "first_n": 60}).json()


def test_purity_of_a_weak_batch_is_a_sample_with_its_exact_interval(client, api, cat, items, truth, weak):
    audit = post(client, f"{api}/weak/{weak['id']}/purity/", {"looks": 30}).json()
    assert (audit["kind"], audit["state"], audit["looks"]) == ("purity", "running", 30)
    drawn = list(AuditDraw.objects.values_list("item", flat=True))
    listed = client.get(f"{api}/weak/").json()["results"][0]
    assert (listed["purity"]["looked_at"], listed["purity"]["low"]) == (0, None)
    tiles = client.get(f"{api}/review/?class={cat.pk}&state=weak&page_size=200").json()["results"]
    say(client, api, cat, [tile for tile in tiles if tile["item"] in drawn], truth)
    right = sum(truth[item] for item in drawn)
    purity = client.get(f"{api}/weak/").json()["results"][0]["purity"]
    interval = clopper_pearson(right, 30)
    assert (purity["looks"], purity["wrong"], purity["share"]) == (30, 30 - right, right / 30)
    assert (purity["low"], purity["high"]) == pytest.approx(interval)


def test_a_weak_batch_is_audited_among_ordinary_tiles(client, api, cat, items, truth, weak):
    audit = post(client, f"{api}/weak/{weak['id']}/purity/", {"looks": 30}).json()
    assert work(client, api, cat, items, truth, audit)["state"] == "done"


def test_a_batch_that_was_taken_back_is_not_audited(client, api, cat, items, weak):
    client.post(f"{api}/weak/{weak['id']}/revert/")
    answer = post(client, f"{api}/weak/{weak['id']}/purity/", {"looks": 30})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-audit")


def test_a_dataset_card_carries_the_recall_and_the_purity(client, api, cat, items, decided, truth, weak, mia):
    sampled = post(client, f"{api}/weak/{weak['id']}/purity/", {"looks": 5}).json()
    done = work(client, api, cat, items, truth, start(client, api, decided))
    assert done["state"] == "done"
    made = post(client_of(mia), f"{api}/datasets/", {"classes": [cat.pk], "includes_weak": True})
    card = made.json()["card"]
    (recall,) = card["left_to_find"]
    assert (recall["class"], recall["recall"]["before"]) == ("cat", done["recall"]["before"])
    (purity,) = card["weak_purity"]
    assert (purity["class"], purity["audit"], purity["looks"]) == ("cat", sampled["id"], 5)


BAD = [
    ({"horizon": 0}, 400, "invalid"),
    ({"looks": 0}, 400, "invalid"),
    ({"owner": 1}, 400, "invalid"),
    ({"round": 2**60}, 404, "not_found"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD)
def test_a_bad_plan_is_refused(client, api, cat, items, decided, body, status, code):
    answer = post(client, f"{api}/audits/", {"round": decided, "horizon": 100, "looks": 5} | body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_ranking_where_all_is_decided_has_nothing_to_audit(client, api, cat, items, truth, decided):
    answer = post(client, f"{api}/audits/", {"round": decided, "horizon": 30, "looks": 5})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-audit")


def test_what_was_drawn_can_be_neither_changed_nor_deleted(client, api, cat, items, decided):
    start(client, api, decided)
    for rows in (FrozenRanking.objects, Audit.objects, AuditDraw.objects):
        with pytest.raises(DatabaseError, match=r"append_only|Cannot"), transaction.atomic():
            rows.all().delete()
    with pytest.raises(DatabaseError, match=r"append_only|Cannot"), transaction.atomic():
        Audit.objects.update(alpha=0.5)


def test_only_who_drew_it_or_a_manager_stops_an_audit(client, api, cat, items, decided, mia, ann):
    audit = post(client_of(mia), f"{api}/audits/", {"round": decided, "horizon": 100, "looks": 5})
    assert audit.status_code == 201
    assert post(client, f"{api}/audits/{audit.json()['id']}/stop/", {}).status_code == 403
