"""The operator's look at classes, the ledger and what is made of it; the ledger is never edited."""

from django.contrib import admin

from labeling.models import DatasetVersion, Export, LabelClass, Verdict, WeakBatch
from sisyphus_web.accounts.admin import ReadOnlyAdmin


@admin.register(LabelClass)
class LabelClassAdmin(ReadOnlyAdmin):
    list_display = ("name", "corpus", "created_by", "created_at", "retired_at")
    list_select_related = ("corpus", "created_by")


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    list_display = ("id", "created_at", "corpus", "item", "label_class", "answer", "annotator", "mode")
    list_filter = ("answer", "mode")
    list_select_related = ("corpus", "item", "label_class", "annotator")
    show_full_result_count = False


@admin.register(WeakBatch)
class WeakBatchAdmin(ReadOnlyAdmin):
    list_display = ("id", "corpus", "label_class", "first_n", "min_similarity", "created_by", "reverted_at")
    list_select_related = ("corpus", "label_class", "created_by")


@admin.register(DatasetVersion)
class DatasetVersionAdmin(ReadOnlyAdmin):
    list_display = ("corpus", "number", "name", "includes_weak", "sha256", "created_at")
    list_select_related = ("corpus",)


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("id", "dataset_version", "format", "size_bytes", "created_by", "created_at")
    list_filter = ("format",)
    list_select_related = ("dataset_version", "created_by")
