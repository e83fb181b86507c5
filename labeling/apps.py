"""The app of labeling: it says which clips must stay, which the layer below cannot know."""

from django.apps import AppConfig


class LabelingConfig(AppConfig):
    """Keeps what people have said something of from being retired."""

    name = "labeling"

    def ready(self) -> None:
        from indexing.services.clips import keep_items
        from labeling.services.kept_items import items_spoken_of

        keep_items(items_spoken_of)
