"""The operator's look at accounts; superusers only. Changes go over the pages, which call the services."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from sisyphus_web.accounts.models import AuditLine, Corpus, LoginAttempt, Membership, Token, User


def sign_in(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The sign-in page of the site, which slows guessing; 403 for a person whom the admin does not let in."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", reverse("admin:index")))


admin.site.login = sign_in  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Sisyphus"


class ReadOnlyAdmin(admin.ModelAdmin):
    """Looks, and changes nothing: what writes is a service."""

    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ("username", "is_operator", "is_active", "last_login")
    list_filter = ("is_operator", "is_active")
    search_fields = ("username",)
    exclude = ("password",)


@admin.register(Corpus)
class CorpusAdmin(ReadOnlyAdmin):
    list_display = ("name", "created_by", "created_at", "archived_at")
    list_select_related = ("created_by",)
    search_fields = ("name",)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("corpus", "user", "role")
    list_filter = ("role",)
    list_select_related = ("corpus", "user")


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "scopes", "expiry", "last_used_at")
    list_select_related = ("user",)
    exclude = ("digest",)


@admin.register(LoginAttempt)
class LoginAttemptAdmin(ReadOnlyAdmin):
    list_display = ("at", "username", "network", "is_success")
    list_filter = ("is_success",)


@admin.register(AuditLine)
class AuditLineAdmin(ReadOnlyAdmin):
    list_display = ("at", "what", "by", "corpus", "detail")
    list_filter = ("what",)
    list_select_related = ("by", "corpus")
