"""Corpora and their members over REST."""

from typing import Any

from django.db.models import F, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from sisyphus_web.accounts import services
from sisyphus_web.accounts.models import Corpus, Membership, Role, Token, User
from sisyphus_web.accounts.permissions import corpora_of, user_of
from sisyphus_web.api import Refused
from sisyphus_web.idempotency import idempotent


class CorpusAnswer(serializers.ModelSerializer[Corpus]):
    """A corpus and what the asker may do in it."""

    role = serializers.ChoiceField(choices=Role.choices, read_only=True, help_text="Yours.")
    created_by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = Corpus
        fields = ["id", "name", "description", "role", "created_by", "created_at"]
        read_only_fields = ["id", "created_at"]
        extra_kwargs = {"name": {"validators": []}}  # the service says it in better words


class NewMember(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices=Role.choices)


class NewRole(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices)


class MemberAnswer(serializers.ModelSerializer[Membership]):
    """A person in a corpus."""

    username = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "username", "role"]


class CorpusView(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Corpus],
):
    """The corpora of the asker; POST makes one with the asker as its manager; DELETE archives."""

    serializer_class = CorpusAnswer
    queryset = Corpus.objects.none()
    lookup_url_kwarg = "corpus_id"

    def get_queryset(self) -> QuerySet[Corpus]:
        return corpora_of(self.request).select_related("created_by").annotate(role=F("memberships__role"))

    @idempotent
    def create(self, request: Request) -> Response:
        if isinstance(request.auth, Token) and request.auth.corpora.exists():
            raise Refused(
                "token-corpora", "This token is for some corpora; it cannot make one.", status_code=403
            )
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        corpus = services.create_corpus(created_by=user_of(request), **given.validated_data)
        answer = self.get_serializer(self.get_queryset().get(pk=corpus.pk))
        return Response(answer.data, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, corpus_id: int) -> Response:
        corpus = self.get_object()
        given = self.get_serializer(corpus, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        services.update_corpus(corpus, by=user_of(request), **given.validated_data)
        return Response(self.get_serializer(self.get_object()).data)

    def destroy(self, request: Request, corpus_id: int) -> Response:
        services.archive_corpus(self.get_object(), by=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class MemberView(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Membership]):
    """Who may do what in a corpus."""

    serializer_class = MemberAnswer
    queryset = Membership.objects.none()
    lookup_url_kwarg = "member_id"

    def get_queryset(self) -> QuerySet[Membership]:
        return Membership.objects.filter(corpus_id=self.kwargs["corpus_id"]).select_related("user", "corpus")

    @extend_schema(request=NewMember, responses={201: MemberAnswer})
    def create(self, request: Request, corpus_id: int) -> Response:
        given = NewMember(data=request.data)
        given.is_valid(raise_exception=True)
        user = User.objects.filter(username=given.validated_data["username"], is_active=True).first()
        if user is None:
            raise Refused("no-such-user", "There is no such account. An operator makes accounts.")
        corpus = get_object_or_404(Corpus, pk=corpus_id)
        role = given.validated_data["role"]
        membership = services.add_member(corpus, user=user, role=role, by=user_of(request))
        return Response(self.get_serializer(membership).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=NewRole, responses=MemberAnswer)
    def partial_update(self, request: Request, corpus_id: int, member_id: int) -> Response:
        given = NewRole(data=request.data)
        given.is_valid(raise_exception=True)
        membership = services.change_role(
            self.get_object(), role=given.validated_data["role"], by=user_of(request)
        )
        return Response(self.get_serializer(membership).data)

    def destroy(self, request: Request, corpus_id: int, member_id: int) -> Response:
        services.remove_member(self.get_object(), by=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
