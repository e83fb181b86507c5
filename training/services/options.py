"""What a run may be asked to be trained with, checked before it is queued."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from django.conf import settings
from django.core.exceptions import ValidationError

from indexing.compute.encoders import catalog
from indexing.compute.encoders.specs import EncoderUnknown, WeightsRefused
from indexing.models import Unit
from indexing.services.features import EncoderNotUsable, check_encoder, encoders_of
from training.models import Run

Seed = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Small = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class ProbeOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A linear probe: the penalty is chosen by cross-validation over groups unless it is given."""

    class_weighting: Literal["balanced", "none"] = "none"
    regularization: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    seed: Seed = 0


class FineTuneOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A network with a new last layer; `weights` random only where it is asked for by name."""

    network: Annotated[str, msgspec.Meta(min_length=1, max_length=160)] = "torchvision:resnet50"
    weights: Literal["published", "random"] = "published"
    trainable: Literal["all", "head"] = "all"
    num_epochs: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 30
    batch_size: Annotated[int, msgspec.Meta(ge=2, le=1024)] = 24
    learning_rate: Small | None = None  # None: 1e-5 for all layers, 1e-3 for the head
    weight_decay: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 1e-4
    augmentation: Literal["none", "flip", "strong"] = "flip"
    has_mixup: bool = True
    is_class_weighted: bool = True
    ema_decay: Small | None = None
    patience: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = 8
    side_px: Annotated[int, msgspec.Meta(ge=32, le=1024)] = 224
    seed: Seed = 0


def check_options(kind: str, network: str, given: dict[str, Any]) -> dict[str, Any]:
    """`given` with every default filled in; ValidationError names what is not understood."""
    shape = ProbeOptions if kind == Run.Kind.PROBE else FineTuneOptions
    if kind == Run.Kind.FINE_TUNE and network:
        given = given | {"network": network}
    try:
        options: dict[str, Any] = msgspec.to_builtins(msgspec.convert(given, shape))
    except msgspec.ValidationError as error:
        raise ValidationError({"options": f"{error}."}) from None
    if "network" in options:
        _check_network(options["network"], is_random=options["weights"] == "random")
    return options


def _check_network(name: str, *, is_random: bool) -> None:
    """EncoderNotUsable unless the network is known and its weights are here or can be fetched."""
    key = name if "@" in name else f"{name}@1" if ":" in name else f"torchvision:{name}@1"
    if not is_random:
        try:
            check_encoder(key)
        except EncoderNotUsable as error:
            if not key.startswith("torchvision:"):
                raise
            there = [each.key for each in encoders_of(Unit.FRAME) if each.key.startswith("torchvision:")]
            raise EncoderNotUsable(
                f"{name} is not one of the networks whose weights are known "
                f"({', '.join(there).replace('@1', '')}). If there is such a network of pictures: {error}"
            ) from None
        return
    try:
        catalog.spec_of(key, settings.MODEL_DIR)
    except (EncoderUnknown, WeightsRefused) as error:
        raise EncoderNotUsable(str(error)) from None
