"""Pages of one's own account, and the operator's page of users."""

import secrets
from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from sisyphus_web.accounts import services
from sisyphus_web.accounts.forms import ChangePasswordForm, NewUserForm, SignInForm, TokenForm
from sisyphus_web.accounts.models import Token, User

ONE_TIME_BYTES = 12  # of a one-time password: 96 bits, 16 characters


class SignIn(LoginView):
    """Name and password; says when an account is locked and for how long."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response


def put_errors(form: Form, error: ValidationError) -> None:
    """Show what a service refused beside the fields it names, or above all of them."""
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    for name, sentences in by_field.items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """One's own password; the new one ends every other session."""
    form = ChangePasswordForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_password(request.user, password=form.cleaned_data["password"], by=request.user)
        except ValidationError as error:
            put_errors(form, error)
        else:
            update_session_auth_hash(request, request.user)
            messages.success(request, "Your password is changed. Every other session has ended.")
            return redirect("account")
    return render(request, "accounts/account.html", {"form": form}, status=422 if form.is_bound else 200)


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """End every session of whoever asks, this one too."""
    services.end_sessions(request.user)
    request.session.flush()
    messages.success(request, "Every session of yours has ended. Sign in again.")
    return redirect("login")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's API tokens and a new one, whose secret is shown this once."""
    form = TokenForm(request.POST or None, user=request.user)
    made = None
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_token(user=request.user, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            form = TokenForm(user=request.user)
    context = {
        "form": form,
        "made": made,
        "tokens": Token.objects.filter(user=request.user).prefetch_related("corpora").order_by("-created"),
    }
    return render(request, "accounts/tokens.html", context, status=422 if form.is_bound else 200)


@require_POST
def token_revoke(request: HttpRequest, digest: str) -> HttpResponse:
    """End one of one's own tokens at once."""
    token = get_object_or_404(Token, user=request.user, digest=digest)
    services.revoke_token(token, by=request.user)
    messages.success(request, f"The token {token.name} is revoked. Whatever used it is refused from now on.")
    return redirect("tokens")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def users(request: HttpRequest) -> HttpResponse:
    """Everybody with an account; a new person gets a one-time password, shown this once. For operators."""
    password = secrets.token_urlsafe(ONE_TIME_BYTES)
    is_post = request.method == "POST"
    data = request.POST.copy()
    data["password"] = password
    form = NewUserForm(data if is_post else None)
    made = None
    if is_post and form.is_valid():
        try:
            made = services.create_user(**form.cleaned_data, by=request.user)
        except ValidationError as error:
            put_errors(form, error)
        else:
            form = NewUserForm()
    context = {"form": form, "made": made, "password": password if made else "", "people": _people()}
    return render(request, "accounts/users.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_POST
def user_change(request: HttpRequest, user_id: int) -> HttpResponse:
    """Deactivate, reactivate, make or unmake an operator, or give a new one-time password."""
    user = get_object_or_404(User, pk=user_id)
    action = request.POST.get("action", "")
    try:
        if action == "password":
            password = secrets.token_urlsafe(ONE_TIME_BYTES)
            services.change_password(user, password=password, by=request.user)
            context = {"form": NewUserForm(), "made": user, "password": password, "people": _people()}
            return render(request, "accounts/users.html", context)
        _carry_out(action, user, request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"Saved: {user.username}.")
    return redirect("users")


def _people() -> QuerySet[User]:
    """Everybody, the active first, with the number of corpora each is in."""
    of_corpora_in_use = Q(memberships__corpus__archived_at=None)
    counted = User.objects.annotate(num_corpora=Count("memberships", filter=of_corpora_in_use))
    return counted.order_by("-is_active", "username")


def _carry_out(action: str, user: User, operator: User) -> None:
    if action == "deactivate":
        services.deactivate(user, by=operator)
    elif action == "reactivate":
        services.reactivate(user, by=operator)
    elif action in {"operator", "ordinary"}:
        services.set_operator(user, is_operator=action == "operator", by=operator)
    else:
        known = "deactivate, reactivate, operator, ordinary, password"
        raise ValidationError(f"There is no action {action!r}; the known ones are {known}.")
