"""Every route: pages at the root, the REST API below /api/v1/ in the namespace `api`."""

from django.contrib import admin
from django.urls import include, path
from django_prometheus.exports import ExportToDjangoView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from indexing import urls as indexing
from labeling import urls as labeling
from sisyphus_web.accounts import urls as accounts
from sisyphus_web.health import healthz, readyz
from sisyphus_web.jobs import urls as jobs
from training import urls as training

apps = (accounts, jobs, indexing, labeling, training)
v1 = [pattern for app in apps for pattern in app.api_patterns]
api = [
    path("v1/", include(v1)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
]
urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", ExportToDjangoView, name="metrics"),
    path("admin/", admin.site.urls),
    path("api/", include((api, "api"))),
    *(pattern for app in apps for pattern in app.page_patterns),
]
handler404 = "sisyphus_web.api.not_found"
