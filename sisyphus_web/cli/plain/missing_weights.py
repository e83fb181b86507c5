"""What to do when a network's weights are not to be had."""

import difflib

NONE_NEEDED = "--encoder builtin@1 needs none"


def without_weights(error: Exception, network: str, *, else_: str = "") -> str:
    """The sentence of a WeightsMissing, and what else can be done; a network that does not exist is told.

    `network` is as it was asked for: a name of torchvision, or the key of an encoder.
    """
    name = network.removeprefix("torchvision:").partition("@")[0]
    if name and ":" not in name and ("@" not in network or network.startswith("torchvision:")):
        known = _of_torchvision()
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            meant = f"; did you mean {' or '.join(near)}?" if near else "."
            return f"torchvision has no network {name!r}{meant} One of timm is timm:NAME@1"
    ways = ["give another file of them as --weights FILE", *([else_] if else_ else [])]
    return f"{error}. Or {'; or '.join(ways)}"


def _of_torchvision() -> list[str]:
    """The names of its networks for pictures. It is imported only here: that takes seconds."""
    from indexing.compute.torchvision_shim import torchvision

    return list(torchvision.models.list_models(module=torchvision.models))
