"""Every encoder by its key. Needs no torch: pages list what is here."""

from indexing.compute.encoders.specs import KEY, EncoderSpec, EncoderUnknown

_SPECS: dict[str, EncoderSpec] = {}
_FAMILY_TITLES = {
    "torchvision": "{} (torchvision)",
    "timm": "{} (timm)",
    "openclip": "{} (OpenCLIP, reads text)",
}


def register(spec: EncoderSpec) -> None:
    """Make `spec` known under its key; a key is given once and for ever."""
    if spec.key in _SPECS:
        raise ValueError(f"encoder {spec.key} is registered twice")
    _SPECS[spec.key] = spec


def known_keys() -> list[str]:
    """The keys registered by name, in the order of their registration."""
    return list(_SPECS)


def spec(key: str) -> EncoderSpec:
    """The encoder called `key`: a registered one, or any torchvision:, timm: or openclip:NAME@1."""
    if key in _SPECS:
        return _SPECS[key]
    match = KEY.match(key)
    family = match and match["family"]
    if match and family in _FAMILY_TITLES and match["version"] == "1":
        name = match["name"]
        title = _FAMILY_TITLES[family].format(name)
        license_text = "as its publisher says"
        return EncoderSpec(key, title, license_text, family, architecture=name, preference=50)
    raise EncoderUnknown(
        f"there is no encoder {key!r}; there are {', '.join(_SPECS)}, and torchvision:NAME@1, timm:NAME@1, "
        "openclip:NAME@1, file:NAME@1, script:NAME@1"
    )
