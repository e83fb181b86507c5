"""Pages of many classes: each number stands beside its own class, and one class is shown at a time."""

import re

import pytest
from django.urls import reverse

from labeling.services.classes import create_class
from sisyphus_web.templatetags.pages import listed
from tests.training.conftest import decide, freeze, plant, run_job, trained

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ["a long name", "bee", "ox"]  # the database orders keys by their length: otherwise than the classes


@pytest.fixture
def classes(corpus, mia):
    return [create_class(corpus=corpus, name=name, by=mia) for name in NAMES]


@pytest.fixture
def version(corpus, mia, ann, classes):
    """Every item is of one class: 60, 40 and 20 of them."""
    items = plant(corpus, 120).items
    at = 0
    for label_class, num in zip(classes, (60, 40, 20), strict=True):
        decide(corpus, ann, label_class, items[at : at + num], [True] * num)
        at += num
    return freeze(corpus, mia, *classes)


def page_of(client, mia, name, *args, **query) -> str:
    client.force_login(mia)
    return re.sub(r"\s+", " ", client.get(reverse(name, args=args), query).content.decode())


def numbers_of(page: str, name: str, table: str) -> list[int]:
    """The whole numbers of the row of a class in the table below a heading."""
    row = re.search(rf">{name}(?:</a>)?</th>(.*?)</tr>", page[page.index(table) :])
    return [int(num) for num in re.findall(r"<td[^>]*>(\d+)</td>", row[1])]


def test_examples_of_a_run_stand_beside_their_own_class(client, corpus, mia, version):
    run = trained(version, mia, target="multi_class").run
    page = page_of(client, mia, "run", corpus.pk, run.pk)
    for name, num in zip(NAMES, (60, 40, 20), strict=True):
        accepted = numbers_of(page, name, "examples-title")[::2]
        assert sum(accepted) == num
        assert accepted == [
            version.card["by_class"][name][side]["accept"] for side in ("train", "val", "test")
        ]


def test_what_every_class_is_worth_is_listed_from_the_worst_on(client, corpus, mia, classes, version):
    run = trained(version, mia, target="multi_class").run
    run.evaluation["test"]["classes"][0]["average_precision"] = None
    run.evaluation["test"]["classes"][1]["average_precision"] = 0.9
    run.evaluation["test"]["classes"][2]["average_precision"] = 0.2
    run.save(update_fields=["evaluation"])
    page = page_of(client, mia, "run", corpus.pk, run.pk, **{"class": classes[1].pk})
    listed_names = re.findall(rf'href="\?class=\d+&amp;side=test">({"|".join(NAMES)})<', page)
    assert listed_names == ["ox", "bee", "a long name"]
    chosen = f'aria-current="true" class="is-chosen"> <th scope="row"><a href="?class={classes[1].pk}&'
    assert chosen in page


def test_a_run_of_one_class_has_no_table_of_classes(client, corpus, mia, ann, classes):
    items = plant(corpus, 80)
    decide(corpus, ann, classes[0], items.items, items.is_of)
    run = trained(freeze(corpus, mia, classes[0]), mia).run
    assert "by-class-title" not in page_of(client, mia, "run", corpus.pk, run.pk)


def test_the_page_of_a_classifier_shows_the_scores_of_the_class_that_is_asked_for(
    client, corpus, mia, classes, version
):
    found = trained(version, mia, target="multi_class")
    run_job(found.score_set.job)
    of = (corpus.pk, found.classifier_id)
    for label_class in (classes[2], classes[0]):
        page = page_of(client, mia, "classifier", *of, **{"class": label_class.pk})
        assert re.findall(r'id="histogram-(\d+)"', page) == [str(label_class.pk)]
    assert re.findall(r'id="histogram-(\d+)"', page_of(client, mia, "classifier", *of)) == [
        str(classes[0].pk)
    ]


def test_two_versions_are_compared_class_by_class_with_the_curves_of_one(
    client, corpus, mia, classes, version
):
    first = trained(version, mia, target="multi_class")
    trained(version, mia, target="multi_class", options={"regularization": 1e5})
    of = (corpus.pk, first.classifier_id)
    page = page_of(client, mia, "classifier-compare", *of, old=1, new=2, **{"class": classes[1].pk})
    rows = re.findall(rf'class=(\d+)#curves">({"|".join(NAMES)})</a>', page)
    assert rows == [(str(each.pk), each.name) for each in classes]
    assert re.findall(r"Precision over recall of ([^,]+), both versions", page) == ["bee"]
    most_changed = page_of(client, mia, "classifier-compare", *of, old=1, new=2, **{"class": "10"})
    assert most_changed.count("<sfi-lines") == 1


def test_entries_of_a_version_are_listed_in_the_order_of_its_classes_with_their_sum(
    client, corpus, mia, version
):
    page = page_of(client, mia, "datasets", corpus.pk)
    rows = re.findall(r'<th scope="row">([^<]+)</th>', page[page.index("Entries of version") :])
    assert rows[:4] == [*NAMES, "all 3 classes"]
    assert sum(numbers_of(page, "all 3 classes", "Entries of version")) == 120


def test_accepted_classes_without_rejects_are_told_to_be_chosen_between(client, corpus, mia, version):
    page = page_of(client, mia, "training", corpus.pk)
    assert "Each is then an example against the others." in page
    assert "the training would be refused" not in page
    client.force_login(mia)
    asked = {"source": "freeze", "kind": "probe", "target": "multi_label", "class_weighting": "none"}
    asked |= {"weights": "published", "trainable": "all", "augmentation": "flip"}
    asked |= {"label_classes": [each["id"] for each in version.card["classes"]]}
    answer = client.post(reverse("training", args=[corpus.pk]), asked)
    assert answer.status_code == 422
    assert "or have an item be of one class" in answer.content.decode()


def test_of_many_names_the_first_three_are_listed_and_the_others_counted():
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdef")) == "a, b, c, d, e, f"
    assert listed(list("abcdefg")) == "a, b, c and 4 more"
