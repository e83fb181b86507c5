from django.apps import AppConfig


class SisyphusConfig(AppConfig):
    name = "sisyphus_web"

    def ready(self) -> None:
        from sisyphus_web import checks  # noqa: F401 - registers them
