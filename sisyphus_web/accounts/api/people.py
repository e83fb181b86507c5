"""Oneself, one's tokens, and, for operators, everybody, over REST."""

from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sisyphus_web.accounts import services
from sisyphus_web.accounts.models import Corpus, Scope, Token, User
from sisyphus_web.accounts.permissions import user_of
from sisyphus_web.api import NewestFirst


class TokenAnswer(serializers.ModelSerializer[Token]):
    """A token without its secret."""

    key = serializers.CharField(source="token_key", help_text="How the secret begins; names the token.")
    expires_at = serializers.DateTimeField(source="expiry")
    created_at = serializers.DateTimeField(source="created")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))

    class Meta:
        model = Token
        fields = ["key", "name", "scopes", "corpora", "created_at", "expires_at", "last_used_at"]
        read_only_fields = fields


class NewToken(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), allow_empty=False)
    corpora = serializers.PrimaryKeyRelatedField(
        queryset=Corpus.objects.none(), many=True, default=list, help_text="Empty: every corpus of yours."
    )
    days = serializers.IntegerField(min_value=1, max_value=90, default=30)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (request := self.context.get("request")) is not None:
            own = Corpus.objects.visible_to(request.user)
            cast(serializers.ManyRelatedField, self.fields["corpora"]).child_relation.queryset = own


class NewTokenAnswer(TokenAnswer):
    """The only time the secret is shown."""

    secret = serializers.CharField()

    class Meta(TokenAnswer.Meta):
        fields = [*TokenAnswer.Meta.fields, "secret"]
        read_only_fields = fields


class MeAnswer(serializers.ModelSerializer[User]):
    """Who asks, and by which token."""

    token = TokenAnswer(allow_null=True)

    class Meta:
        model = User
        fields = ["id", "username", "is_operator", "token"]


class UserAnswer(serializers.ModelSerializer[User]):
    """A person, for operators."""

    class Meta:
        model = User
        fields = ["id", "username", "is_operator", "is_active", "last_login", "date_joined"]
        read_only_fields = fields


class NewUser(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)
    is_operator = serializers.BooleanField(default=False)


class UserChange(serializers.Serializer[Any]):
    password = serializers.CharField(max_length=200, write_only=True, required=False, trim_whitespace=False)
    is_operator = serializers.BooleanField(required=False)
    is_active = serializers.BooleanField(required=False)


class MeView(APIView):
    """Who am I, with this session or token?"""

    @extend_schema(responses=MeAnswer)
    def get(self, request: Request) -> Response:
        user = user_of(request)
        token = TokenAnswer(request.auth).data if isinstance(request.auth, Token) else None
        return Response(
            {"id": user.pk, "username": user.username, "is_operator": user.is_operator, "token": token}
        )


class OldestTokenLast(NewestFirst):
    ordering = "-created"


class TokenView(mixins.ListModelMixin, viewsets.GenericViewSet[Token]):
    """The asker's own tokens; with a session only: a token makes no tokens."""

    serializer_class = TokenAnswer
    pagination_class = OldestTokenLast
    queryset = Token.objects.none()
    lookup_field = "token_key"
    lookup_url_kwarg = "key"

    def get_queryset(self) -> QuerySet[Token]:
        return Token.objects.filter(user=user_of(self.request)).prefetch_related("corpora")

    @extend_schema(request=NewToken, responses={201: NewTokenAnswer})
    def create(self, request: Request) -> Response:
        given = NewToken(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        token, secret = services.create_token(user=user_of(request), **given.validated_data)
        answer = TokenAnswer(token).data | {"secret": secret}
        return Response(answer, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, key: str) -> Response:
        services.revoke_token(self.get_object(), by=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class UserView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[User]):
    """The people of the site, for operators."""

    serializer_class = UserAnswer
    queryset = User.objects.all()
    lookup_url_kwarg = "user_id"

    @extend_schema(request=NewUser, responses={201: UserAnswer})
    def create(self, request: Request) -> Response:
        given = NewUser(data=request.data)
        given.is_valid(raise_exception=True)
        user = services.create_user(by=user_of(request), **given.validated_data)
        return Response(UserAnswer(user).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=UserChange, responses=UserAnswer)
    def partial_update(self, request: Request, user_id: int) -> Response:
        user, by = self.get_object(), user_of(request)
        given = UserChange(data=request.data)
        given.is_valid(raise_exception=True)
        change = given.validated_data
        with transaction.atomic():
            if "password" in change:
                services.change_password(user, password=change["password"], by=by)
            if "is_operator" in change:
                services.set_operator(user, is_operator=change["is_operator"], by=by)
            if "is_active" in change:
                (services.reactivate if change["is_active"] else services.deactivate)(user, by=by)
        return Response(UserAnswer(user).data)
