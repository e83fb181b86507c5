from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "sisyphus_web.accounts"
    label = "accounts"
