"""Routes of jobs: pages at the root, the REST API below /api/v1/."""

from django.urls import URLPattern

page_patterns: list[URLPattern] = []
api_patterns: list[URLPattern] = []
