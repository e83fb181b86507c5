"""Routes of indexing: pages at the root, the REST API below /api/v1/."""

from django.urls import URLPattern, path

from indexing.api import features

page_patterns: list[URLPattern] = []
api_patterns: list[URLPattern] = [
    path("encoders/", features.EncodersView.as_view(), name="encoders"),
    path("corpora/<int:corpus_id>/features/", features.FeatureSetsView.as_view(), name="feature-sets"),
    path(
        "corpora/<int:corpus_id>/features/<int:feature_set_id>/activate/",
        features.FeatureSetActivateView.as_view(),
        name="feature-set-activate",
    ),
]
