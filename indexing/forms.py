"""Forms of corpora and their indexing."""

from pathlib import Path
from typing import Any

from django import forms

from indexing.compute.encoders import catalog
from indexing.compute.encoders.video import clip_catalog
from indexing.models import IndexingSettings, Unit
from sisyphus_web.accounts.models import Corpus


def encoder_choices(model_dir: Path, *, keep: str = "", unit: str = Unit.FRAME) -> list[tuple[str, Any]]:
    """`auto`, what can be used now, what would be downloaded, and `keep` whatever it is."""
    known = clip_catalog if unit == Unit.CLIP else catalog
    states = sorted(known.available(model_dir), key=lambda state: -state.preference)
    ready = [(state.key, state.title) for state in states if state.is_available]
    fetched = [(state.key, state.title) for state in states if not state.is_available and state.can_download]
    choices: list[tuple[str, Any]] = [
        ("auto", f"auto: the best available, now {known.best(model_dir)}"),
        ("available now", ready),
    ]
    if fetched:
        choices.append(("downloaded when first used", fetched))
    listed = {"auto", *(key for key, _ in ready), *(key for key, _ in fetched)}
    if keep and keep not in listed:
        choices.append((keep, f"{keep} (not available now)"))
    return choices


OF_CLIPS = ("clips", "clip_seconds", "clip_stride_seconds", "clip_frames_per_second", "clip_encoder")


class IndexingForm(forms.Form):
    """How media become items and features."""

    frame_policy = forms.ChoiceField(
        label="Frames to keep of a video",
        choices=IndexingSettings.FramePolicy.choices,
        initial=IndexingSettings.FramePolicy.CODEC_KEYFRAME,
        help_text="Codec key frames are the cheapest: about one in a few seconds. "
        "Every frame is the most thorough.",
    )
    interval_seconds = forms.FloatField(
        label="Interval in seconds",
        initial=1.0,
        min_value=0.01,
        max_value=3600,
        required=False,
        help_text="For every N seconds.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    similarity_threshold = forms.FloatField(
        label="Similarity threshold",
        initial=0.95,
        min_value=-1,
        max_value=1,
        required=False,
        help_text="For feature similarity: a frame more similar to the last one kept is dropped.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    encoder = forms.ChoiceField(label="Encoder", initial="auto")
    regions = forms.ChoiceField(
        label="What of a frame is searched",
        choices=IndexingSettings.Regions.choices,
        initial=IndexingSettings.Regions.OFF,
        required=False,
        help_text="With tiles, small objects are found, and shown where. A frame then takes 14 vectors "
        "instead of one: 14 times the memory, disk and extraction.",
    )
    clips = forms.ChoiceField(
        label="What of a video is searched",
        choices=IndexingSettings.Clips.choices,
        initial=IndexingSettings.Clips.OFF,
        required=False,
        help_text="Clips are found by what happens in them, not only by what is seen.",
    )
    clip_seconds = forms.FloatField(
        label="Length of a clip in seconds",
        initial=2.0,
        min_value=0.1,
        max_value=600,
        required=False,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    clip_stride_seconds = forms.FloatField(
        label="A clip every so many seconds",
        initial=2.0,
        min_value=0.1,
        max_value=3600,
        required=False,
        help_text="Less than the length: clips overlap, and nothing falls between two.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    clip_frames_per_second = forms.FloatField(
        label="Frames per second of a clip",
        initial=0.0,
        min_value=0,
        max_value=1000,
        required=False,
        help_text="0 spreads the frames that the encoder takes over all of the clip. It holds when the "
        "features of clips are rebuilt.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    clip_encoder = forms.ChoiceField(label="Encoder of clips", initial="auto", required=False)
    is_strict = forms.BooleanField(
        label="Refuse damaged videos",
        required=False,
        help_text="Otherwise the frames before the damage are kept and the file is marked partial.",
    )

    def __init__(
        self,
        *args: Any,
        model_dir: Path,
        keep: str = "",
        keep_of_clips: str = "",
        regions_cost: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        if regions_cost:
            self.fields["regions"].help_text = regions_cost
        self.fields["encoder"].choices = encoder_choices(model_dir, keep=keep)
        self.fields["clip_encoder"].choices = encoder_choices(model_dir, keep=keep_of_clips, unit=Unit.CLIP)

    def clean(self) -> dict[str, Any]:
        """What was left empty keeps its usual value."""
        cleaned = super().clean() or {}
        optional = ("interval_seconds", "similarity_threshold", "regions", *OF_CLIPS)
        for name in optional:
            if cleaned.get(name) in (None, "") and name not in self.errors:
                cleaned[name] = self.get_initial_for_field(self.fields[name], name)
        return cleaned


class CorpusForm(IndexingForm):
    """A new corpus: a name, a few words, how it is indexed."""

    name = forms.CharField(
        max_length=120, widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"})
    )
    description = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Where the media come from, what is looked for.",
    )
    field_order = (
        "name",
        "description",
        "frame_policy",
        "interval_seconds",
        "similarity_threshold",
        "encoder",
    )

    def clean_name(self) -> str:
        """Unique among the corpora in use, as the database demands."""
        name = self.cleaned_data["name"]
        if Corpus.objects.filter(name=name, archived_at=None).exists():
            raise forms.ValidationError("There is a corpus of this name; choose another.")
        return name
