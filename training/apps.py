"""The app of training: it says what follows jobs of the layers below, which know nothing of it."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Lets new features be scored by the classifiers that are live, and queries name them."""

    name = "training"

    def ready(self) -> None:
        from labeling.services.classifier_names import tell_of_classifiers
        from sisyphus_web.jobs.followers import follow
        from training.services.names import known_classifiers
        from training.services.scores import score_new_features

        follow("features_extract", score_new_features)
        tell_of_classifiers(known_classifiers)
