"""Users, corpora, who may do what in which corpus, and API tokens."""

import pghistory
import pgtrigger
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
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
                violation_error_message="A corpus of this name is in use already; choose another name.",
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
    """An API token: its owner's rights, narrowed to scopes and, if named, corpora. Stored as a hash."""

    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope))
    corpora = models.ManyToManyField(
        Corpus, blank=True, related_name="+", help_text="Empty: every corpus of its owner."
    )
    last_used_at = models.DateTimeField(null=True, blank=True)

    @property
    def is_expired(self) -> bool:
        return self.expiry is not None and self.expiry < timezone.now()


class LoginAttempt(models.Model):
    """Somebody tried to sign in: what the lockout counts."""

    username = models.CharField(max_length=150, help_text="As typed, in lower case; perhaps nobody's.")
    network = models.CharField(max_length=64, help_text="IPv4 address or IPv6 /64 network.")
    at = models.DateTimeField(auto_now_add=True)
    is_success = models.BooleanField(default=False)

    class Meta:
        indexes = [
            # the lockout: recent failures of an account, of a network
            models.Index(fields=["username", "at"], name="login_attempt_of_account"),
            models.Index(fields=["network", "at"], name="login_attempt_of_network"),
        ]

    def __str__(self) -> str:
        return f"{self.username} from {self.network}"


class AuditLine(models.Model):
    """Who did what to accounts, members, tokens and corpora; append-only."""

    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    corpus = models.ForeignKey(Corpus, null=True, on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=40, help_text="sign-in, role, token, ...")
    detail = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        triggers = [
            pgtrigger.Protect(name="audit_line_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.detail}"


class IdempotentAnswer(models.Model):
    """What a POST with an Idempotency-Key was answered: given again to its repetition for 48 hours."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    route = models.CharField(max_length=200, help_text="Method and path.")
    key = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField()
    body = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "route", "key"], name="idempotent_answer_is_one_per_key_user_and_route"
            )
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
