"""Writes to accounts: corpora, members, tokens, people, sign-ins."""

from sisyphus_web.accounts.services.audit_lines import note
from sisyphus_web.accounts.services.corpora import archive_corpus, create_corpus, update_corpus
from sisyphus_web.accounts.services.logins import forget_old_logins, network_of, sign_in
from sisyphus_web.accounts.services.members import add_member, change_role, remove_member
from sisyphus_web.accounts.services.people import (
    change_password,
    create_user,
    deactivate,
    end_sessions,
    reactivate,
    set_operator,
)
from sisyphus_web.accounts.services.tokens import CreatedToken, create_token, revoke_token

__all__ = [
    "CreatedToken",
    "add_member",
    "archive_corpus",
    "change_password",
    "change_role",
    "create_corpus",
    "create_token",
    "create_user",
    "deactivate",
    "end_sessions",
    "forget_old_logins",
    "network_of",
    "note",
    "reactivate",
    "remove_member",
    "revoke_token",
    "set_operator",
    "sign_in",
    "update_corpus",
]
