"""Routes of labeling: pages at the root, the REST API below /api/v1/."""

from django.urls import URLPattern, path

from labeling.api.audits import (
    AuditPlanView,
    AuditStopView,
    AuditsView,
    AuditView,
    ForecastView,
    WeakPurityView,
)
from labeling.api.boxes import BoxesView
from labeling.api.classes import LabelClassView
from labeling.api.datasets import DatasetDiffView, DatasetVersionView
from labeling.api.disagreements import DisagreementsView
from labeling.api.exports import ExportFileView, ExportView
from labeling.api.imports import (
    LabelImportReportView,
    LabelImportTakeView,
    LabelImportUndoView,
    LabelImportView,
)
from labeling.api.label_errors import LabelErrorsView
from labeling.api.later import LaterView
from labeling.api.leases import LeasesView
from labeling.api.map_states import MapScoresView, MapStatesView
from labeling.api.people import GoldView, PeopleCsvView, PeopleView
from labeling.api.query_images import QueryImagesView, QueryImageView
from labeling.api.rank import RankView, RoundView
from labeling.api.review import CountsView, ReviewView
from labeling.api.settings import GridSettingsView
from labeling.api.stack_errors import StackErrorsView
from labeling.api.stack_tiles import StackTilesView
from labeling.api.timelines import SpansView, TimelineSimilaritiesView, TimelineView, VideoBytesView
from labeling.api.verdicts import BatchView, UndoView, VerdictView
from labeling.api.weak import WeakBatchRevertView, WeakBatchView
from labeling.views import datasets, imports, members
from labeling.views.disagreements import disagreement_settle, disagreement_undo, disagreements
from labeling.views.map import corpus_map
from labeling.views.people import people, people_gold, people_looks
from labeling.views.review import review
from labeling.views.video import video
from labeling.views.workbench import workbench

_CORPUS = "corpora/<int:corpus_id>"

page_patterns: list[URLPattern] = [
    path(f"{_CORPUS}/workbench/", workbench, name="workbench"),
    path(f"{_CORPUS}/review/", review, name="review"),
    path(f"{_CORPUS}/map/", corpus_map, name="map"),
    path(f"{_CORPUS}/media/<int:media_file_id>/video/", video, name="video"),
    path(f"{_CORPUS}/disagreements/", disagreements, name="disagreements"),
    path(
        f"{_CORPUS}/disagreements/<int:class_id>/<int:item_id>/",
        disagreement_settle,
        name="disagreement-settle",
    ),
    path(
        f"{_CORPUS}/disagreements/<int:class_id>/<uuid:batch>/undo/",
        disagreement_undo,
        name="disagreement-undo",
    ),
    path(f"{_CORPUS}/people/", people, name="people"),
    path(f"{_CORPUS}/people/classes/<int:class_id>/", people_looks, name="people-looks"),
    path(f"{_CORPUS}/people/classes/<int:class_id>/gold/", people_gold, name="people-gold"),
    path(f"{_CORPUS}/datasets/", datasets.datasets, name="datasets"),
    path(
        f"{_CORPUS}/datasets/<int:dataset_version_id>/export/",
        datasets.export_start,
        name="dataset-export",
    ),
    path(
        f"{_CORPUS}/datasets/<int:dataset_version_id>/diff/",
        datasets.dataset_diff,
        name="dataset-diff",
    ),
    path(f"{_CORPUS}/datasets/imports/", imports.label_imports, name="label-imports"),
    path(
        f"{_CORPUS}/datasets/imports/<int:import_id>/take/",
        imports.label_import_take,
        name="label-import-take",
    ),
    path(
        f"{_CORPUS}/datasets/imports/<int:import_id>/undo/",
        imports.label_import_undo,
        name="label-import-undo",
    ),
    path(f"{_CORPUS}/members/", members.members, name="members"),
    path(f"{_CORPUS}/members/add/", members.member_add, name="member-add"),
    path(f"{_CORPUS}/members/<int:membership_id>/", members.member_change, name="member-change"),
    path(f"{_CORPUS}/members/classes/add/", members.class_add, name="class-add"),
    path(f"{_CORPUS}/members/classes/<int:class_id>/", members.class_change, name="class-change"),
    path(f"{_CORPUS}/members/name/", members.corpus_change, name="corpus-change"),
    path(f"{_CORPUS}/members/archive/", members.corpus_archive, name="corpus-archive"),
]
api_patterns: list[URLPattern] = [
    path("me/grid/", GridSettingsView.as_view(), name="grid-settings"),
    path(
        f"{_CORPUS}/classes/", LabelClassView.as_view({"get": "list", "post": "create"}), name="label-classes"
    ),
    path(
        f"{_CORPUS}/classes/<int:class_id>/",
        LabelClassView.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="label-class",
    ),
    path(f"{_CORPUS}/query-images/", QueryImagesView.as_view(), name="query-images"),
    path(f"{_CORPUS}/query-images/<uuid:image_id>/", QueryImageView.as_view(), name="query-image"),
    path(f"{_CORPUS}/map/scores/", MapScoresView.as_view(), name="map-scores"),
    path(f"{_CORPUS}/map/states/", MapStatesView.as_view(), name="map-states"),
    path(f"{_CORPUS}/rank/", RankView.as_view(), name="rank"),
    path(f"{_CORPUS}/rounds/", RoundView.as_view({"get": "list"}), name="rounds"),
    path(f"{_CORPUS}/rounds/<int:round_id>/", RoundView.as_view({"get": "retrieve"}), name="round"),
    path(f"{_CORPUS}/media/<int:media_file_id>/timeline/", TimelineView.as_view(), name="timeline"),
    path(
        f"{_CORPUS}/media/<int:media_file_id>/similarities/",
        TimelineSimilaritiesView.as_view(),
        name="timeline-similarities",
    ),
    path(f"{_CORPUS}/media/<int:media_file_id>/spans/", SpansView.as_view(), name="spans"),
    path(f"{_CORPUS}/media/<int:media_file_id>/bytes/", VideoBytesView.as_view(), name="video-bytes"),
    path(f"{_CORPUS}/weak/", WeakBatchView.as_view(), name="weak-batches"),
    path(f"{_CORPUS}/weak/<uuid:batch_id>/revert/", WeakBatchRevertView.as_view(), name="weak-batch-revert"),
    path(f"{_CORPUS}/stacks/<int:stack_id>/tiles/", StackTilesView.as_view(), name="stack-tiles"),
    path(f"{_CORPUS}/stack-errors/", StackErrorsView.as_view(), name="stack-errors"),
    path(f"{_CORPUS}/weak/<uuid:batch_id>/purity/", WeakPurityView.as_view(), name="weak-batch-purity"),
    path(f"{_CORPUS}/audits/", AuditsView.as_view(), name="audits"),
    path(f"{_CORPUS}/audits/plan/", AuditPlanView.as_view(), name="audit-plan"),
    path(f"{_CORPUS}/audits/<int:audit_id>/", AuditView.as_view(), name="audit"),
    path(f"{_CORPUS}/audits/<int:audit_id>/stop/", AuditStopView.as_view(), name="audit-stop"),
    path(f"{_CORPUS}/forecast/", ForecastView.as_view(), name="forecast"),
    path(f"{_CORPUS}/verdicts/", VerdictView.as_view(), name="verdicts"),
    path(f"{_CORPUS}/later/", LaterView.as_view(), name="later"),
    path(f"{_CORPUS}/leases/", LeasesView.as_view(), name="leases"),
    path(f"{_CORPUS}/boxes/", BoxesView.as_view(), name="boxes"),
    path(f"{_CORPUS}/people/", PeopleView.as_view(), name="people"),
    path(f"{_CORPUS}/disagreements/", DisagreementsView.as_view(), name="disagreements"),
    path(f"{_CORPUS}/people.csv", PeopleCsvView.as_view(), name="people-csv"),
    path(f"{_CORPUS}/gold/", GoldView.as_view(), name="gold"),
    path(f"{_CORPUS}/undo/", UndoView.as_view(), name="undo"),
    path(f"{_CORPUS}/batches/", BatchView.as_view(), name="batches"),
    path(f"{_CORPUS}/review/", ReviewView.as_view(), name="review"),
    path(f"{_CORPUS}/label-errors/", LabelErrorsView.as_view(), name="label-errors"),
    path(f"{_CORPUS}/counts/", CountsView.as_view(), name="counts"),
    path(
        f"{_CORPUS}/datasets/",
        DatasetVersionView.as_view({"get": "list", "post": "create"}),
        name="dataset-versions",
    ),
    path(
        f"{_CORPUS}/datasets/<int:version_id>/",
        DatasetVersionView.as_view({"get": "retrieve"}),
        name="dataset-version",
    ),
    path(
        f"{_CORPUS}/datasets/<int:version_id>/diff/<int:older_id>/",
        DatasetDiffView.as_view(),
        name="dataset-version-diff",
    ),
    path(f"{_CORPUS}/exports/", ExportView.as_view({"get": "list", "post": "create"}), name="exports"),
    path(f"{_CORPUS}/exports/<int:export_id>/", ExportView.as_view({"get": "retrieve"}), name="export"),
    path(f"{_CORPUS}/exports/<int:export_id>/file/", ExportFileView.as_view(), name="export-file"),
    path(
        f"{_CORPUS}/imports/",
        LabelImportView.as_view({"get": "list", "post": "create"}),
        name="label-imports",
    ),
    path(
        f"{_CORPUS}/imports/<int:import_id>/",
        LabelImportView.as_view({"get": "retrieve"}),
        name="label-import",
    ),
    path(f"{_CORPUS}/imports/<int:import_id>/take/", LabelImportTakeView.as_view(), name="label-import-take"),
    path(f"{_CORPUS}/imports/<int:import_id>/undo/", LabelImportUndoView.as_view(), name="label-import-undo"),
    path(
        f"{_CORPUS}/imports/<int:import_id>/report/",
        LabelImportReportView.as_view(),
        name="label-import-report",
    ),
]
