"""Forms of label classes and dataset versions."""

from typing import Any

from django import forms

from indexing.models import Unit
from labeling.models import Answer, DatasetVersion, LabelClass, LabelImport
from sisyphus_web.accounts.models import Corpus


class LabelClassForm(forms.Form):
    """A thing to look for."""

    name = forms.CharField(max_length=80)
    description = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What counts, and what does not.",
    )


class LooksForm(forms.Form):
    """How much of a class is looked at twice."""

    second_percent = forms.FloatField(
        label="Second looks, %",
        min_value=0,
        max_value=100,
        help_text="Of what is decided from now on: shown to somebody else, blind. 3 to 5 is usual.",
        widget=forms.NumberInput(attrs={"step": "0.5"}),
    )
    gold_percent = forms.FloatField(
        label="Gold checks, %",
        min_value=0,
        max_value=50,
        help_text="Of the tiles served: those with a known answer. 1 to 2 is usual.",
        widget=forms.NumberInput(attrs={"step": "0.5"}),
    )
    gold_count = forms.IntegerField(
        label="New gold items",
        required=False,
        min_value=0,
        max_value=500,
        help_text="Drawn from what you said, what was settled, and what two people said alike.",
    )


class ReasonForm(forms.Form):
    """What settles a disagreement."""

    answer = forms.ChoiceField(choices=Answer.choices)
    operation_id = forms.UUIDField()
    base_version = forms.IntegerField(min_value=0, max_value=2**31 - 1)
    reason = forms.CharField(max_length=500, required=False)


class DatasetVersionForm(forms.Form):
    """What goes into a frozen dataset version, and how it is split."""

    name = forms.CharField(max_length=120, required=False)
    label_classes = forms.ModelMultipleChoiceField(
        label="Classes",
        queryset=LabelClass.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one class."},
    )
    unit = forms.ChoiceField(
        label="Of",
        choices=Unit.choices,
        required=False,
        initial=Unit.FRAME,
        widget=forms.RadioSelect,
        help_text="A version is of one of them.",
    )
    includes_weak = forms.TypedChoiceField(
        label="What counts as accepted",
        choices=[("", "verified only"), ("1", "verified and weak labels")],
        coerce=bool,
        required=False,
        empty_value=False,
        widget=forms.RadioSelect,
    )
    group_by = forms.ChoiceField(
        label="Kept on one side",
        choices=DatasetVersion.GroupBy.choices,
        required=False,
        initial=DatasetVersion.GroupBy.MEDIA,
        help_text="Never partly in train and partly in test; media files and stacks never are.",
    )
    val_share = forms.FloatField(
        label="Share of val",
        initial=0.1,
        min_value=0,
        max_value=0.9,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    test_share = forms.FloatField(
        label="Share of test",
        initial=0.1,
        min_value=0,
        max_value=0.9,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    seed = forms.IntegerField(initial=0, min_value=0, max_value=2**31 - 1)

    def __init__(self, *args: Any, corpus: Corpus, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        in_use = corpus.label_classes.filter(retired_at=None).order_by("id")
        self.fields["label_classes"].queryset = in_use  # type: ignore[attr-defined] - declared above
        self.fields["label_classes"].initial = in_use  # all of them, until one is unchecked

    def clean(self) -> dict[str, Any]:
        """Something is left to train on."""
        cleaned = super().clean() or {}
        cleaned["unit"] = cleaned.get("unit") or None
        cleaned["group_by"] = cleaned.get("group_by") or DatasetVersion.GroupBy.MEDIA
        if cleaned.get("val_share", 0) + cleaned.get("test_share", 0) >= 1:
            raise forms.ValidationError("Nothing is left to train on: lower the share of val or test.")
        return cleaned


class LabelImportForm(forms.Form):
    """Labels of others: a file from here, or a path on the server."""

    file = forms.FileField(
        required=False, label="File", help_text="A .csv, .jsonl, .json or .parquet, or a zip of a folder."
    )
    path = forms.CharField(
        required=False, max_length=4096, label="Or a path on the server", help_text="Below a media root."
    )
    format = forms.ChoiceField(
        required=False, choices=[("", "what it looks like"), *LabelImport.Format.choices]
    )
    as_weak = forms.TypedChoiceField(
        label="Take it as",
        choices=[("", "verdicts"), ("1", "weak labels")],
        coerce=bool,
        required=False,
        empty_value=False,
        widget=forms.RadioSelect,
    )
    boxes = forms.ChoiceField(choices=LabelImport.Boxes.choices, initial=LabelImport.Boxes.REGIONS)

    def clean(self) -> dict[str, Any]:
        """A file or a path."""
        cleaned = super().clean() or {}
        if bool(cleaned.get("file")) == bool(cleaned.get("path")):
            raise forms.ValidationError("Choose a file, or name a path on the server.")
        return cleaned
