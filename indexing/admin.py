"""The operator's look at media, items, features and builds."""

from django.contrib import admin

from indexing.models import FeatureIndex, FeatureSet, IndexingSettings, Item, MediaFile, Source, Stack, Upload
from sisyphus_web.accounts.admin import ReadOnlyAdmin


@admin.register(IndexingSettings)
class IndexingSettingsAdmin(ReadOnlyAdmin):
    list_display = ("corpus", "encoder", "frame_policy")
    list_select_related = ("corpus",)


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ("corpus", "kind", "path", "scanned_at")
    list_filter = ("kind",)
    list_select_related = ("corpus",)


@admin.register(MediaFile)
class MediaFileAdmin(ReadOnlyAdmin):
    list_display = ("name", "corpus", "kind", "state", "reason_code", "size_bytes", "created_at")
    list_filter = ("kind", "state", "reason_code")
    list_select_related = ("corpus",)
    search_fields = ("name", "sha256")


@admin.register(Item)
class ItemAdmin(ReadOnlyAdmin):
    list_display = ("id", "media_file", "kind", "pts_seconds", "stack")
    list_filter = ("kind",)
    list_select_related = ("media_file", "stack")
    show_full_result_count = False


@admin.register(Stack)
class StackAdmin(ReadOnlyAdmin):
    list_display = ("id", "corpus", "media_file")
    list_select_related = ("corpus", "media_file")
    show_full_result_count = False


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("name", "corpus", "state", "received_bytes", "size_bytes", "touched_at")
    list_filter = ("state",)
    list_select_related = ("corpus",)


@admin.register(FeatureSet)
class FeatureSetAdmin(ReadOnlyAdmin):
    list_display = ("corpus", "encoder", "precision", "width", "is_active", "created_at")
    list_filter = ("is_active", "encoder")
    list_select_related = ("corpus",)


@admin.register(FeatureIndex)
class FeatureIndexAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "feature_set",
        "factory",
        "num_vectors",
        "recall_at_10",
        "has_regions",
        "is_published",
        "created_at",
    )
    list_filter = ("is_published",)
    list_select_related = ("feature_set",)
