"""Who disagrees about an item, and who else may settle it: nobody is the judge of their own dispute."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from labeling.compute.ledger import last_answers
from labeling.services.states import Key, events_on
from sisyphus_web.accounts.models import Corpus, Membership, Role

SETTLES = (Role.ANNOTATOR, Role.MANAGER)


def answers_on(keys: Collection[Key]) -> dict[Key, dict[int, str]]:
    """(item, class) -> user id -> the last answer that stands; those who differ are the parties."""
    return {key: last_answers(said) for key, said in events_on(keys).items()}


def who_settles(corpus: Corpus) -> dict[int, str]:
    """User id -> name of everybody who may answer in this corpus, in the order of names."""
    members = Membership.objects.filter(corpus=corpus, role__in=SETTLES, user__is_active=True)
    return dict(members.order_by("user__username").values_list("user", "user__username"))


def others_than(parties: Collection[int], settlers: Mapping[int, str]) -> list[str]:
    """The names of those of `settlers` who are no party."""
    return [name for user, name in settlers.items() if user not in parties]


def agreement_of(user: int, answers: Mapping[int, str]) -> str:
    """The answer with which `user` would agree with all the others; '' where they are not of one mind."""
    others = {answer for other, answer in answers.items() if other != user}
    return others.pop() if len(others) == 1 else ""


def own_dispute(names: Sequence[str]) -> str:
    """What to do, for a party of a dispute that the people of `names` may settle."""
    asked = ", ".join(names[:3]) + (f" or {len(names) - 3} others" if len(names) > 3 else "")
    return (
        f"You are one of those who disagree about it. Ask somebody who is not ({asked}) to settle it under "
        "Disagreements, or give the answer of the others if you have changed your mind."
    )
