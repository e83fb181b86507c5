"""The flags of a picture network, and the network they name."""

import argparse
from pathlib import Path

from indexing.compute.encoders.specs import EncoderUnknown, WeightsMissing, WeightsRefused
from indexing.compute.encoders.weights import Progress
from indexing.compute.plain.picture_networks import POOLS, PictureNetwork, PictureSettings
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import flags
from sisyphus_web.cli.plain.missing_weights import NONE_NEEDED, without_weights
from sisyphus_web.cli.plain.progress import notice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--encoder, --precision, --weights, --model-dir, --device."""
    parser.add_argument(
        "--encoder",
        default="resnet50",
        metavar="NAME",
        help="a network of torchvision, or any encoder's key (builtin@1, timm:NAME@1); default: resnet50",
    )
    parser.add_argument(
        "--precision",
        choices=("fp32", "auto"),
        default="fp32",
        help="auto: bf16 where the processor has it, some 3 times faster; default: fp32",
    )
    flags.add_weights(parser)
    flags.add_device(parser)


def add_pool(parser: argparse.ArgumentParser, default: str = "mac") -> None:
    parser.add_argument(
        "--pool",
        choices=POOLS,
        default=default,
        help=f"over positions: maximum, mean, GeM, or none for a row per position; default: {default}",
    )


def network_of(
    arguments: argparse.Namespace, *, pool: str, image_size: int | None, precision: str | None = None
) -> PictureNetwork:
    """The network asked for; CliError 2 where it, its weights or its device is not to be had."""
    settings = PictureSettings(arguments.encoder, pool, image_size, precision or arguments.precision)
    return load(settings, arguments)


def load(settings: PictureSettings, arguments: argparse.Namespace) -> PictureNetwork:
    """As `network_of`, for settings that come from elsewhere."""
    check_device(arguments.device)
    try:
        return PictureNetwork(
            settings,
            model_dir=Path(arguments.model_dir),
            weights=arguments.weights,
            device=arguments.device,
            on_fetch=fetching(as_json=arguments.json),
        )
    except WeightsMissing as error:
        told = without_weights(error, settings.encoder, else_=NONE_NEEDED)
        raise CliError(told, Exit.REFUSED) from None
    except (EncoderUnknown, WeightsRefused, ValueError) as error:
        raise CliError(str(error), Exit.REFUSED) from None


def check_device(device: str) -> None:
    """CliError 2 when a GPU is asked for and there is none."""
    if device != "cuda":
        return
    import torch

    if not torch.cuda.is_available():
        raise CliError(
            "--device cuda: there is no GPU that torch can use here; leave it at auto", Exit.REFUSED
        )


def fetching(*, as_json: bool) -> Progress:
    """Says once that weights are being fetched."""
    has_told = False

    def tell(done: int, total: int) -> None:
        nonlocal has_told
        if not has_told:
            has_told = True
            notice(f"fetching the network's weights, {total / 1e6:.0f} MB", as_json=as_json)

    return tell
