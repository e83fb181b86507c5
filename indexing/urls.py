"""Routes of indexing: pages at the root, the REST API below /api/v1/."""

from django.urls import URLPattern, path

from indexing.api import features, indexes
from indexing.views import corpora, corpus, ingest, media

page_patterns: list[URLPattern] = [
    path("", corpora.corpora, name="corpora"),
    path("corpora/new/", corpora.corpus_new, name="corpus-new"),
    path("corpora/<int:corpus_id>/", corpus.corpus, name="corpus"),
    path("corpora/<int:corpus_id>/activity/", corpus.activity, name="corpus-activity"),
    path("corpora/<int:corpus_id>/features/", corpus.features, name="corpus-features"),
    path("corpora/<int:corpus_id>/settings/", corpus.settings_change, name="corpus-settings"),
    path("corpora/<int:corpus_id>/rebuild/", corpus.rebuild, name="corpus-rebuild"),
    path("corpora/<int:corpus_id>/folders/", ingest.folders, name="corpus-folders"),
    path("corpora/<int:corpus_id>/ingest/", ingest.ingest_folder, name="corpus-ingest"),
    path("corpora/<int:corpus_id>/media/<int:media_file_id>/", media.media_file, name="media-file-page"),
]
api_patterns: list[URLPattern] = [
    path("encoders/", features.EncodersView.as_view(), name="encoders"),
    path("corpora/<int:corpus_id>/features/", features.FeatureSetsView.as_view(), name="feature-sets"),
    path("corpora/<int:corpus_id>/indexes/", indexes.FeatureIndicesView.as_view(), name="feature-indices"),
    path(
        "corpora/<int:corpus_id>/features/<int:feature_set_id>/activate/",
        features.FeatureSetActivateView.as_view(),
        name="feature-set-activate",
    ),
]
