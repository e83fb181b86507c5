"""Forms of the account pages. They check and call services; the views only show them."""

from typing import Any, cast

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm

from sisyphus_web.accounts.models import Corpus, Role, Scope, User
from sisyphus_web.accounts.services import sign_in


class SignInForm(AuthenticationForm):
    """Name and password, with the lockout; for `LoginView(authentication_form=SignInForm)`."""

    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password and self.request is not None:
            self.user_cache = sign_in(self.request, username=username, password=password)
        return self.cleaned_data


class CorpusForm(forms.Form):
    """A corpus's name and description."""

    name = forms.CharField(max_length=120)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))


class AddMemberForm(forms.Form):
    """Somebody who has an account, and a role."""

    username = forms.CharField(max_length=150)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.ANNOTATOR)

    def clean_username(self) -> User:
        user = User.objects.filter(username=self.cleaned_data["username"].strip(), is_active=True).first()
        if user is None:
            raise forms.ValidationError("There is no such account. An operator makes accounts.")
        return user


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(choices=Role.choices)


class TokenForm(forms.Form):
    """A new API token of the signed-in user."""

    name = forms.CharField(max_length=80)
    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple)
    corpora = forms.ModelMultipleChoiceField(
        queryset=Corpus.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every corpus of yours.",
    )
    days = forms.IntegerField(min_value=1, max_value=90, initial=30)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = Corpus.objects.visible_to(user).order_by("name")
        cast(forms.ModelMultipleChoiceField, self.fields["corpora"]).queryset = own


class NewUserForm(forms.Form):
    """A new person, made by an operator."""

    username = forms.CharField(max_length=150)
    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))
    is_operator = forms.BooleanField(required=False)


class ChangePasswordForm(forms.Form):
    """One's own password: the old one, and the new one."""

    old_password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=password_validation.password_validators_help_text_html(),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old_password(self) -> str:
        old = str(self.cleaned_data["old_password"])
        if not self.user.check_password(old):
            raise forms.ValidationError("This is not your password.")
        return old

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(password, self.user)
        return password
