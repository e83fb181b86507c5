"""Forms of the training pages."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Case, When
from django.utils.text import capfirst

from indexing.models import FeatureSet
from labeling.models import DatasetVersion, LabelClass
from sisyphus_web.accounts.models import Corpus
from training.models import Run
from training.services.options import FineTuneOptions, ProbeOptions

FREEZE = "freeze"  # instead of a dataset version: freeze what is answered now
SHARE = 0.2  # of val and of test: small sets of verdicts need it to say anything
VERSIONS_SHOWN = 20
OF_PROBE = tuple(ProbeOptions.__struct_fields__)
OF_NETWORK = tuple(FineTuneOptions.__struct_fields__)
LABELS = {"head": "the last layer only", "all": "every layer", "none": "none", "flip": "crop and flip"}


def _choices(*values: str) -> list[tuple[str, str]]:
    return [(value, capfirst(LABELS.get(value, value))) for value in values]


def _number(label: str, *, is_whole: bool = True, **given: Any) -> forms.Field:
    field = forms.IntegerField if is_whole else forms.FloatField
    widget = forms.NumberInput(attrs={} if is_whole else {"step": "any"})
    return field(label=label, required=False, widget=widget, **given)


class TrainForm(forms.Form):
    """A run: of what, from which answers, by which means; what is left empty is the default."""

    name = forms.CharField(
        label="Name of the classifier",
        required=False,
        max_length=80,
        help_text="A known name makes its next version. Empty: the names of the classes.",
    )
    source = forms.ChoiceField(label="Learn from")
    label_classes = forms.ModelMultipleChoiceField(
        label="Classes",
        queryset=LabelClass.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one class."},
    )
    kind = forms.ChoiceField(
        label="What is trained",
        choices=[(Run.Kind.PROBE, "Probe: seconds"), (Run.Kind.FINE_TUNE, "Network: a long job")],
        initial=Run.Kind.PROBE,
        widget=forms.RadioSelect,
        help_text="A probe is linear, on features that are there; a network is fine-tuned on pictures.",
    )
    feature_set = forms.ModelChoiceField(
        label="Features", queryset=FeatureSet.objects.none(), required=False, empty_label=None
    )
    target = forms.ChoiceField(
        label="An item is of",
        choices=[("multi_label", "any number of classes"), ("multi_class", "one class")],
    )
    includes_weak = forms.BooleanField(
        label="Weak labels too",
        required=False,
        help_text="They count half and are never judged on. Only where answers are frozen now.",
    )
    val_share = _number("Share of val", is_whole=False, initial=SHARE, min_value=0, max_value=0.9)
    test_share = _number("Share of test", is_whole=False, initial=SHARE, min_value=0, max_value=0.9)
    class_weighting = forms.ChoiceField(
        label="Rare classes",
        choices=[("none", "count by their number"), ("balanced", "count as much as others")],
    )
    regularization = _number("Penalty", is_whole=False, help_text="Empty: chosen by cross-validation.")
    network = forms.CharField(label="Network", required=False, initial="torchvision:resnet50", max_length=160)
    weights = forms.ChoiceField(label="It begins with", choices=_choices("published", "random"))
    trainable = forms.ChoiceField(label="What changes", choices=_choices("all", "head"))
    augmentation = forms.ChoiceField(label="Augmentation", choices=_choices("flip", "strong", "none"))
    num_epochs = _number("Epochs", initial=30, min_value=1, max_value=10_000)
    patience = _number("Patience", initial=8, min_value=1, help_text="Epochs without a better one.")
    batch_size = _number("Batch", initial=24, min_value=2, max_value=1024)
    side_px = _number("Side, px", initial=224, min_value=32, max_value=1024)
    learning_rate = _number("Learning rate", is_whole=False, help_text="Empty: 1e-5; last layer 1e-3.")
    weight_decay = _number("Weight decay", is_whole=False, initial=1e-4, min_value=0)
    ema_decay = _number("Averaging of weights", is_whole=False, help_text="Empty: none. 0.999 is usual.")
    has_mixup = forms.BooleanField(label="Mix pictures (mixup)", required=False, initial=True)
    seed = _number("Seed", initial=0, min_value=0)
    go_live = forms.BooleanField(
        label="Make it live when it is done", required=False, help_text="The live version scores new media."
    )

    def __init__(self, *args: Any, corpus: Corpus, wanted: Sequence[str] = (), **kwargs: Any) -> None:
        """`wanted`: ids of the classes that are asked for in the address, if any; they come first."""
        super().__init__(*args, **kwargs)
        first = [int(each) for each in wanted if each.isdecimal() and len(each) < 19]
        is_wanted = Case(When(pk__in=first, then=0), default=1)
        in_use = corpus.label_classes.filter(retired_at=None).order_by(is_wanted, "id")
        self.versions = list(
            DatasetVersion.objects.filter(corpus=corpus).order_by("-number")[:VERSIONS_SHOWN]
        )
        sets = corpus.feature_sets.order_by("-is_active", "-id")
        for name, queryset in (("label_classes", in_use), ("feature_set", sets)):
            self.fields[name].queryset = queryset  # type: ignore[attr-defined] - declared above
        asked = [each for each in in_use if str(each.pk) in wanted]
        self.fields["label_classes"].initial = asked or in_use[:1]
        self.fields["source"].choices = [  # type: ignore[attr-defined]
            (FREEZE, "all answers, frozen now"),
            *((str(each.pk), f"{each} (number {each.number})") for each in self.versions),
        ]

    @property
    def version(self) -> DatasetVersion | None:
        """The dataset version that was chosen; None: freeze one."""
        chosen = self.cleaned_data["source"]
        return next((each for each in self.versions if str(each.pk) == chosen), None)

    @property
    def options(self) -> dict[str, Any]:
        """What the run is asked to be trained with, less what was left empty."""
        names = OF_PROBE if self.cleaned_data["kind"] == Run.Kind.PROBE else OF_NETWORK
        given = {name: self.cleaned_data.get(name) for name in names if name in self.fields}
        return {name: value for name, value in given.items() if value is not None and value != ""}

    @property
    def simple(self) -> list[forms.BoundField]:
        return [self[name] for name in ("label_classes", "source", "name", "kind", "feature_set")]

    @property
    def of_answers(self) -> list[forms.BoundField]:
        return [self[name] for name in ("includes_weak", "val_share", "test_share")]

    @property
    def of_probe(self) -> list[forms.BoundField]:
        return [self[name] for name in ("class_weighting", "regularization")]

    @property
    def of_network(self) -> list[forms.BoundField]:
        return [self[name] for name in OF_NETWORK if name in self.fields and name != "seed"]

    @property
    def of_both(self) -> list[forms.BoundField]:
        return [self["seed"], self["go_live"]]

    def clean(self) -> dict[str, Any]:
        """Something is left to train on."""
        cleaned = super().clean() or {}
        for name in ("val_share", "test_share"):
            if cleaned.get(name) is None:
                cleaned[name] = SHARE
        if cleaned["val_share"] + cleaned["test_share"] >= 1:
            raise forms.ValidationError("Nothing is left to train on: lower the share of val or test.")
        return cleaned


class PointForm(forms.Form):
    """From which score on a class counts as found."""

    threshold = forms.FloatField(min_value=0, max_value=1)
