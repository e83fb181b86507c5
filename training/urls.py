"""Routes of training: pages at the root, the REST API below /api/v1/."""

from django.urls import URLPattern, path

from training.api.classifiers import (
    ClassifierView,
    CompareView,
    LiveEventsView,
    LiveView,
    RollBackView,
    VersionView,
)
from training.api.media_scores import MediaScoresView
from training.api.onnx import OnnxExampleView, OnnxExportsView, OnnxFileView
from training.api.runs import RunView
from training.api.scores import HistogramView, PointsView, ScoresView
from training.views import classifiers, comparisons, runs

_CORPUS = "corpora/<int:corpus_id>"
_VERSION = f"{_CORPUS}/classifier-versions/<int:version_id>"

_CLASSIFIER = f"{_CORPUS}/training/classifiers/<int:classifier_id>"
_PAGE = f"{_CLASSIFIER}/versions/<int:version_id>"

page_patterns: list[URLPattern] = [
    path(f"{_CORPUS}/training/", runs.training, name="training"),
    path(f"{_CORPUS}/training/runs/<int:run_id>/", runs.run, name="run"),
    path(f"{_CLASSIFIER}/", classifiers.classifier, name="classifier"),
    path(f"{_CLASSIFIER}/compare/", comparisons.compare, name="classifier-compare"),
    path(f"{_CLASSIFIER}/roll-back/", classifiers.live_roll_back, name="classifier-roll-back"),
    path(f"{_PAGE}/live/", classifiers.live_set, name="classifier-live"),
    path(f"{_PAGE}/scores/", classifiers.scores_start, name="classifier-score"),
    path(f"{_PAGE}/onnx/", classifiers.onnx_start, name="classifier-onnx"),
    path(f"{_PAGE}/points/<int:class_id>/", classifiers.operating_point, name="operating-point"),
]
api_patterns: list[URLPattern] = [
    path(f"{_CORPUS}/runs/", RunView.as_view({"get": "list", "post": "create"}), name="runs"),
    path(f"{_CORPUS}/runs/<int:run_id>/", RunView.as_view({"get": "retrieve"}), name="run"),
    path(f"{_CORPUS}/classifiers/", ClassifierView.as_view({"get": "list"}), name="classifiers"),
    path(
        f"{_CORPUS}/classifiers/<int:classifier_id>/",
        ClassifierView.as_view({"get": "retrieve"}),
        name="classifier",
    ),
    path(
        f"{_CORPUS}/classifiers/<int:classifier_id>/roll-back/",
        RollBackView.as_view(),
        name="classifier-roll-back",
    ),
    path(
        f"{_CORPUS}/classifiers/<int:classifier_id>/live-events/",
        LiveEventsView.as_view(),
        name="live-events",
    ),
    path(
        f"{_CORPUS}/classifiers/<int:classifier_id>/media/<int:media_file_id>/scores/",
        MediaScoresView.as_view(),
        name="media-scores",
    ),
    path(f"{_VERSION}/", VersionView.as_view(), name="classifier-version"),
    path(f"{_VERSION}/live/", LiveView.as_view(), name="classifier-version-live"),
    path(f"{_VERSION}/compare/<int:older_id>/", CompareView.as_view(), name="classifier-version-compare"),
    path(f"{_VERSION}/operating-points/", PointsView.as_view(), name="operating-points"),
    path(f"{_VERSION}/scores/", ScoresView.as_view(), name="classifier-scores"),
    path(f"{_VERSION}/histogram/", HistogramView.as_view(), name="score-histogram"),
    path(f"{_VERSION}/onnx/", OnnxExportsView.as_view(), name="onnx-exports"),
    path(f"{_CORPUS}/onnx/<int:export_id>/<slug:part>/", OnnxFileView.as_view(), name="onnx-file"),
    path(
        f"{_CORPUS}/onnx/<int:export_id>/<slug:part>/example/",
        OnnxExampleView.as_view(),
        name="onnx-example",
    ),
]
