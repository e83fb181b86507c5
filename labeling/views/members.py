"""Who works on a corpus, what is looked for in it, and its name: the manager's page."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from labeling.forms import LabelClassForm
from labeling.models import LabelClass
from labeling.services.classes import change_class, create_class
from sisyphus_web.accounts import services
from sisyphus_web.accounts.forms import AddMemberForm, CorpusForm, RoleForm
from sisyphus_web.accounts.models import Corpus, Membership, Role

CORPUS_IDS = "corpus_%s"  # the form of a new class has the same fields


@require_safe
def members(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Members, label classes and the name of a corpus, with the forms that change them."""
    return _page(request, get_object_or_404(Corpus, pk=corpus_id))


@require_POST
def member_add(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Let somebody who has an account into the corpus."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    form = AddMemberForm(request.POST)

    def write() -> str:
        user, role = form.cleaned_data["username"], form.cleaned_data["role"]
        services.add_member(corpus, user=user, role=role, by=request.user)
        return f"{user.username} is in, as {role}."

    return _written(request, corpus, form, write, member_form=form)


@require_POST
def member_change(request: HttpRequest, corpus_id: int, membership_id: int) -> HttpResponse:
    """Give a member another role, or take them out (`action=remove`)."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    membership = get_object_or_404(corpus.memberships.select_related("user"), pk=membership_id)
    is_removal = request.POST.get("action") == "remove"
    form = RoleForm({"role": membership.role} if is_removal else request.POST)

    def write() -> str:
        if is_removal:
            services.remove_member(membership, by=request.user)
            return f"{membership.user.username} is out of this corpus."
        services.change_role(membership, role=form.cleaned_data["role"], by=request.user)
        return f"{membership.user.username} is {form.cleaned_data['role']} now."

    return _written(request, corpus, form, write)


@require_POST
def class_add(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Name something to look for."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    form = LabelClassForm(request.POST)

    def write() -> str:
        made = create_class(corpus=corpus, by=request.user, **form.cleaned_data)
        return f"{made.name} can be looked for."

    return _written(request, corpus, form, write, class_form=form)


@require_POST
def class_change(request: HttpRequest, corpus_id: int, class_id: int) -> HttpResponse:
    """Rename or describe a class, retire it or bring it back (`action=retire`, `restore`)."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    label_class = get_object_or_404(corpus.label_classes, pk=class_id)
    action = request.POST.get("action", "save")
    as_it_is = {"name": label_class.name, "description": label_class.description}
    form = LabelClassForm(request.POST if action == "save" else as_it_is)

    def write() -> str:
        if action in {"retire", "restore"}:
            change_class(label_class, is_retired=action == "retire")
            return f"{label_class.name} is {'retired' if action == 'retire' else 'in use again'}."
        change_class(label_class, **form.cleaned_data)
        return f"Saved: {label_class.name}."

    return _written(request, corpus, form, write)


@require_POST
def corpus_change(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Rename or describe the corpus."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    form = CorpusForm(request.POST, auto_id=CORPUS_IDS)

    def write() -> str:
        services.update_corpus(corpus, **form.cleaned_data, by=request.user)
        return f"Saved: {corpus.name}."

    return _written(request, corpus, form, write, corpus_form=form)


@require_POST
def corpus_archive(request: HttpRequest, corpus_id: int) -> HttpResponse:
    """Take the corpus out of use; nothing is deleted."""
    corpus = get_object_or_404(Corpus, pk=corpus_id)
    services.archive_corpus(corpus, by=request.user)
    messages.success(request, f"{corpus.name} is archived. An operator can bring it back.")
    return redirect("corpora")


def _written(
    request: HttpRequest, corpus: Corpus, form: Form, write: Callable[[], str], **shown: Form
) -> HttpResponse:
    """Write and say so; or show on the page what was wrong, in the form it belongs to."""
    if form.is_valid():
        try:
            messages.success(request, write())
        except ValidationError as error:
            if not shown:
                messages.error(request, " ".join(error.messages))
                return redirect("members", corpus.pk)
            form.add_error(None, " ".join(error.messages))
        else:
            return redirect("members", corpus.pk)
    elif not shown:
        reasons = [str(reason) for reasons in form.errors.values() for reason in reasons]
        messages.error(request, " ".join(reasons))
        return redirect("members", corpus.pk)
    return _page(request, corpus, status=422, **shown)


def _page(request: HttpRequest, corpus: Corpus, *, status: int = 200, **forms: Form) -> HttpResponse:
    context: dict[str, Any] = {
        "corpus": corpus,
        "memberships": _members_of(corpus),
        "roles": Role.choices,
        "label_classes": _classes_of(corpus),
        "member_form": AddMemberForm(),
        "class_form": LabelClassForm(),
        "corpus_form": CorpusForm(
            {"name": corpus.name, "description": corpus.description}, auto_id=CORPUS_IDS
        ),
    }
    return render(request, "labeling/members.html", context | forms, status=status)


def _members_of(corpus: Corpus) -> QuerySet[Membership]:
    """Managers first, then by name."""
    rank = Case(
        *[When(role=role, then=Value(place)) for place, role in enumerate(reversed(Role.values))],
        output_field=IntegerField(),
    )
    return corpus.memberships.select_related("user").order_by(rank, "user__username")


def _classes_of(corpus: Corpus) -> QuerySet[LabelClass]:
    """Those in use first, with how many items were accepted and rejected."""
    states = "current_verdicts__answer"
    return corpus.label_classes.annotate(
        num_accepted=Count("current_verdicts", filter=Q(**{states: "accept"})),
        num_rejected=Count("current_verdicts", filter=Q(**{states: "reject"})),
    ).order_by(F("retired_at").asc(nulls_first=True), "id")
