"""Routes of indexing: pages at the root, the REST API below /api/v1/."""

from django.urls import URLPattern, path

from indexing.api import clips, features, frames, indexes, items, maps, sources, uploads
from indexing.api import media as media_api
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
    path(
        "corpora/<int:corpus_id>/media/<int:media_file_id>/delete/",
        media.media_file_delete,
        name="media-file-delete",
    ),
]
in_corpus = "corpora/<int:corpus_id>/"
api_patterns: list[URLPattern] = [
    path(in_corpus + "sources/", sources.SourcesView.as_view(), name="sources"),
    path(in_corpus + "sources/<int:source_id>/scan/", sources.SourceScanView.as_view(), name="source-scan"),
    path(in_corpus + "settings/", sources.IndexingSettingsView.as_view(), name="indexing-settings"),
    path(in_corpus + "clips/", clips.ClipsView.as_view(), name="clips"),
    path(in_corpus + "uploads/", uploads.UploadsView.as_view(), name="uploads"),
    path(in_corpus + "uploads/finish/", uploads.UploadsFinishView.as_view(), name="uploads-finish"),
    path(in_corpus + "uploads/<uuid:upload_id>/", uploads.UploadView.as_view(), name="upload"),
    path(in_corpus + "media/", media_api.MediaFilesView.as_view({"get": "list"}), name="media-files"),
    path(
        in_corpus + "media/<int:media_file_id>/",
        media_api.MediaFilesView.as_view({"get": "retrieve", "delete": "destroy"}),
        name="media-file",
    ),
    path(in_corpus + "media/<int:media_file_id>/frames/", frames.FramesView.as_view(), name="frames"),
    path(in_corpus + "media/<int:media_file_id>/frame/", frames.FrameView.as_view(), name="frame"),
    path(in_corpus + "media/<int:media_file_id>/frame-run/", frames.FrameRunView.as_view(), name="frame-run"),
    path(in_corpus + "items/<int:item_id>/preview/", frames.ItemPreviewView.as_view(), name="item-preview"),
    path(in_corpus + "items/", items.ItemsView.as_view({"get": "list"}), name="items"),
    path(in_corpus + "items/<int:item_id>/", items.ItemsView.as_view({"get": "retrieve"}), name="item"),
    path(
        in_corpus + "items/<int:item_id>/thumbnail/",
        items.ItemThumbnailView.as_view(),
        name="item-thumbnail",
    ),
    path(in_corpus + "items/<int:item_id>/frame/", items.ItemFrameView.as_view(), name="item-frame"),
    path(in_corpus + "thumbnails/", items.ThumbnailsView.as_view(), name="thumbnails"),
    path(in_corpus + "stacks/<int:stack_id>/", items.StackView.as_view(), name="stack"),
    path(in_corpus + "map/", maps.MapView.as_view(), name="map"),
    path(in_corpus + "map/points/", maps.MapPointsView.as_view(), name="map-points"),
    path(in_corpus + "map/regions/", maps.MapRegionsView.as_view(), name="map-regions"),
    path(in_corpus + "map/regions/<int:region_id>/", maps.MapRegionView.as_view(), name="map-region"),
    path("encoders/", features.EncodersView.as_view(), name="encoders"),
    path("corpora/<int:corpus_id>/features/", features.FeatureSetsView.as_view(), name="feature-sets"),
    path("corpora/<int:corpus_id>/indexes/", indexes.FeatureIndicesView.as_view(), name="feature-indices"),
    path(
        "corpora/<int:corpus_id>/features/<int:feature_set_id>/activate/",
        features.FeatureSetActivateView.as_view(),
        name="feature-set-activate",
    ),
]
