"""Routes of accounts: pages at the root, the REST API below /api/v1/."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path
from django.views.generic import TemplateView

from sisyphus_web.accounts import views
from sisyphus_web.accounts.api.corpora import CorpusView, MemberView
from sisyphus_web.accounts.api.people import MeView, TokenView, UserView

page_patterns: list[URLPattern] = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/", views.account, name="account"),
    path("account/sessions/end/", views.sessions_end, name="sessions-end"),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<str:digest>/revoke/", views.token_revoke, name="token-revoke"),
    path("users/", views.users, name="users"),
    path("users/<int:user_id>/", views.user_change, name="user-change"),
    path("help/", TemplateView.as_view(template_name="help.html"), name="help"),
]
_CORPUS = "corpora/<int:corpus_id>"
api_patterns: list[URLPattern] = [
    path("corpora/", CorpusView.as_view({"get": "list", "post": "create"}), name="corpora"),
    path(
        f"{_CORPUS}/",
        CorpusView.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="corpus",
    ),
    path(f"{_CORPUS}/members/", MemberView.as_view({"get": "list", "post": "create"}), name="members"),
    path(
        f"{_CORPUS}/members/<int:member_id>/",
        MemberView.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="member",
    ),
    path("me/", MeView.as_view(), name="me"),
    path("tokens/", TokenView.as_view({"get": "list", "post": "create"}), name="tokens"),
    path("tokens/<str:key>/", TokenView.as_view({"delete": "destroy"}), name="token"),
    path("users/", UserView.as_view({"get": "list", "post": "create"}), name="users"),
    path(
        "users/<int:user_id>/",
        UserView.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="user",
    ),
]
