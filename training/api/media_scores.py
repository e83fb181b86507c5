"""Scores of a classifier along a video, over REST."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from indexing.models import MediaFile
from labeling.api.bodies import json_answer, schema_of
from training.api.classifiers import VersionsView
from training.api.scores import class_of
from training.models import ClassifierVersion
from training.services.media_scores import MediaScores, scores_along


class MediaScoresView(VersionsView):
    @extend_schema(
        parameters=[OpenApiParameter("class", int, description="Without it the first class.")],
        responses={(200, "application/json"): schema_of(MediaScores)},
    )
    def get(self, request: Request, corpus_id: int, classifier_id: int, media_file_id: int) -> HttpResponse:
        """The scores by the live version, in order of time, and its point; a 409 before it has scored."""
        live = ClassifierVersion.objects.filter(classifier=classifier_id, is_live=True)
        found = get_object_or_404(live.filter(classifier__corpus=self.corpus))
        version = self.version(found.pk)
        asked = request.query_params.get("class") or str(version.run.class_ids[0])
        media_file = get_object_or_404(MediaFile.objects.live(), corpus=self.corpus, pk=media_file_id)
        return json_answer(scores_along(version, class_of(self, version, asked), media_file))
