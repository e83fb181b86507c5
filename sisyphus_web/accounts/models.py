"""Users, corpora, who may do what in which corpus, and API tokens."""

import pghistory
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from knox.models import AbstractAuthToken

from sisyphus_web.accounts.querysets import CorpusQuerySet


class User(AbstractUser):
    """A person. Operators run the site; what a person may do with a corpus is its Membership."""

    is_operator = models.BooleanField(
        default=False, help_text="May manage users, jobs and storage of the whole site."
    )


class Role(models.TextChoices):
    VIEWER = "viewer"
    ANNOTATOR = "annotator"
    MANAGER = "manager"


class Corpus(models.Model):
    """A collection of media with its members, classes and features: the container of everything."""

    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    archived_at = models.DateTimeField(null=True, blank=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="corpora")

    objects = CorpusQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "corpora"
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(archived_at=None),
                name="corpus_name_is_unique_while_in_use",
            )
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Membership(models.Model):
    """What one person may do in one corpus."""

    corpus = models.ForeignKey(Corpus, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["corpus", "user"], name="membership_is_one_per_user_and_corpus")
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.role} of {self.corpus}"


class Scope(models.TextChoices):
    READ = "read"
    LABEL = "label"
    UPLOAD = "upload"
    RUN = "run"
    EXPORT = "export"


class Token(AbstractAuthToken):
    """An API token: its owner's rights, narrowed to scopes and, if named, corpora. Only its hash is stored."""

    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope))
    corpora = models.ManyToManyField(
        Corpus, blank=True, related_name="+", help_text="Empty: every corpus of its owner."
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
