from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "sisyphus_web.jobs"
    label = "jobs"
