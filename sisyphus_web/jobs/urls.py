"""Routes of jobs: pages at the root, the REST API below /api/v1/."""

from django.urls import URLPattern, path

from sisyphus_web.jobs import views
from sisyphus_web.jobs.api import views as api

page_patterns: list[URLPattern] = [
    path("jobs/", views.jobs, name="jobs"),
    path("jobs/<int:job_id>/cancel/", views.cancel, name="job-cancel"),
    path("jobs/<int:job_id>/retry/", views.retry, name="job-retry"),
    path("jobs/<int:job_id>/log/", views.log, name="job-log"),
    path("corpora/<int:corpus_id>/jobs/", views.corpus_jobs, name="corpus-jobs-page"),
    path("corpora/<int:corpus_id>/jobs/<int:job_id>/cancel/", views.cancel, name="corpus-job-cancel"),
    path("corpora/<int:corpus_id>/jobs/<int:job_id>/retry/", views.retry, name="corpus-job-retry"),
    path("corpora/<int:corpus_id>/jobs/<int:job_id>/log/", views.log, name="corpus-job-log"),
]
_CORPUS = "corpora/<int:corpus_id>/jobs"
api_patterns: list[URLPattern] = [
    path("jobs/", api.SiteJobView.as_view({"get": "list"}), name="jobs"),
    path("jobs/<int:job_id>/", api.SiteJobView.as_view({"get": "retrieve"}), name="job"),
    path("jobs/<int:job_id>/cancel/", api.SiteJobView.as_view({"post": "cancel"}), name="job-cancel"),
    path("jobs/<int:job_id>/retry/", api.SiteJobView.as_view({"post": "retry"}), name="job-retry"),
    path("jobs/<int:job_id>/log/", api.SiteJobLogView.as_view({"get": "list"}), name="job-log"),
    path("system/", api.SystemView.as_view(), name="system"),
    path(f"{_CORPUS}/", api.CorpusJobView.as_view({"get": "list"}), name="corpus-jobs"),
    path(f"{_CORPUS}/<int:job_id>/", api.CorpusJobView.as_view({"get": "retrieve"}), name="corpus-job"),
    path(
        f"{_CORPUS}/<int:job_id>/cancel/",
        api.CorpusJobView.as_view({"post": "cancel"}),
        name="corpus-job-cancel",
    ),
    path(
        f"{_CORPUS}/<int:job_id>/retry/",
        api.CorpusJobView.as_view({"post": "retry"}),
        name="corpus-job-retry",
    ),
    path(
        f"{_CORPUS}/<int:job_id>/log/", api.CorpusJobLogView.as_view({"get": "list"}), name="corpus-job-log"
    ),
]
