"""Items by their numbers are a filter of the grid: a page elsewhere lists them, the workbench opens them."""

import pytest
from rest_framework.test import APIClient

from tests.indexing.made import add_items, clustered, make_feature_set
from tests.indexing.test_search_service import service, shared  # noqa: F401 - fixtures
from tests.labeling.test_rank import rank

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(corpus):
    return f"/api/v1/corpora/{corpus.pk}"


@pytest.fixture
def client(ann):
    made = APIClient()
    made.force_authenticate(ann)
    return made


@pytest.fixture
def items(corpus):
    return [item.pk for item in add_items(make_feature_set(corpus), clustered(40))]


def test_only_what_is_listed_is_found_in_text_and_in_fields(client, api, items, service):  # noqa: F811
    few = [items[7], items[3], items[20]]
    line = "item:" + ",".join(f"#{pk}" for pk in sorted(few, key=str))
    for filters in ({"q": line}, {"filters": {"items": few}}):
        found = rank(client, api, mode="browse", k=100, fold=False, **filters).json()
        assert {each["item"] for each in found["neighbors"]} == set(few)
        assert found["q"] == line
    others = rank(client, api, mode="browse", k=100, fold=False, q=f"-{line}").json()
    assert {each["item"] for each in others["neighbors"]} == set(items) - set(few)


def test_an_item_that_is_not_there_is_refused_with_words(client, api, items):
    for name in ("#999999", "night"):
        refused = rank(client, api, mode="browse", q=f"item:{name}")
        assert refused.status_code == 400
        assert "item:#3,#5" in refused.json()["detail"]
