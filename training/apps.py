"""The app of training: it says what follows jobs of the layers below, which know nothing of it."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Lets new features be scored by the classifiers that are live."""

    name = "training"

    def ready(self) -> None:
        from sisyphus_web.jobs.followers import follow
        from training.services.scores import score_new_features

        follow("features_extract", score_new_features)
