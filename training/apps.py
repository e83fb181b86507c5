"""The app of training: it says what the layers below may ask it for, since they cannot ask it themselves."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"
