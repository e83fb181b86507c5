"""The flags of a clip network, and the network they name."""

import argparse
from dataclasses import replace
from pathlib import Path

from indexing.compute.encoders.specs import EncoderUnknown, WeightsMissing, WeightsRefused
from indexing.compute.encoders.video.clip_catalog import best, spec_of
from indexing.compute.encoders.video.clip_loading import load_spec
from indexing.compute.encoders.video.clip_specs import ClipSpec
from indexing.compute.encoders.weights import LocalWeights
from indexing.compute.files import sha256_of
from indexing.compute.plain.clip_recipe import ClipRecipe, CroppedEncoder, spec_for
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import flags, networks
from sisyphus_web.cli.plain.missing_weights import without_weights

MODELS = {  # the original's names, and short ones -> encoder key
    "i3d_imagenet-pretrained-r50-nl-dot-product_8xb8-32x2x1-100e_kinetics400-rgb": "i3d-r50-nl-dot@1",
    "swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb": "swin3d-t@1",
    "c3d_sports1m-pretrained_8xb30-16x1x1-45e_ucf101-rgb": "c3d-sports1m@1",
    "i3d": "i3d-r50-nl-dot@1",
    "swin": "swin3d-t@1",
    "c3d": "c3d-sports1m@1",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--model, --num-frames, --sampling-rate, --precision, --weights, --model-dir, --device."""
    parser.add_argument(
        "--model",
        "--encoder",
        default=next(iter(MODELS)),
        metavar="NAME",
        help="i3d (default), swin, c3d, the original's long names of these, any clip encoder's key "
        "(builtin-clip@1, r2plus1d18-k400@1, file:NAME@1 ...), or auto: the best that is here",
    )
    parser.add_argument(
        "--num-frames",
        type=flags.whole(1, 4096),
        metavar="N",
        help="frames of a clip; default: the network's own; most take no others",
    )
    parser.add_argument(
        "--sampling-rate",
        type=flags.whole(1, 4096),
        metavar="N",
        help="every so many-th frame of the video; default: the network's own",
    )
    parser.add_argument(
        "--precision",
        choices=("fp32", "fp16", "bf16"),
        default="fp32",
        help="of the network's multiplications; fp16 needs a GPU; default: fp32",
    )
    flags.add_weights(parser)
    flags.add_device(parser)


def spec_asked(arguments: argparse.Namespace) -> ClipSpec:
    """The network's facts with what the flags change, before anything is loaded; CliError 2 without one."""
    key = MODELS.get(arguments.model, arguments.model)
    model_dir = Path(arguments.model_dir)
    try:
        spec = spec_of(best(model_dir) if key == "auto" else key, model_dir)
        spec = replace(
            spec,
            num_frames=arguments.num_frames or spec.num_frames or DEFAULT_FRAMES,
            sampling_rate=arguments.sampling_rate or spec.sampling_rate,
        )
        return spec_for(spec, arguments.crop_type)
    except (EncoderUnknown, WeightsRefused, ValueError) as error:
        raise CliError(str(error), Exit.REFUSED) from None


def load(spec: ClipSpec, recipe: ClipRecipe, arguments: argparse.Namespace) -> CroppedEncoder:
    """The network with its weights; CliError 2 where they or its device are not to be had."""
    networks.check_device(arguments.device)
    given = arguments.weights
    try:
        encoder = load_spec(
            spec,
            weights=LocalWeights(given, sha256_of(given)) if given else None,
            device={"cuda": "cuda:0"}.get(arguments.device, arguments.device),
            model_dir=Path(arguments.model_dir),
            precision=arguments.precision,
            on_progress=networks.fetching(as_json=arguments.json),
        )
    except WeightsMissing as error:
        told = without_weights(error, "", else_="--model builtin-clip@1 needs none")
        raise CliError(told, Exit.REFUSED) from None
    except (EncoderUnknown, WeightsRefused, ValueError) as error:
        raise CliError(str(error), Exit.REFUSED) from None
    return CroppedEncoder(encoder, recipe)


DEFAULT_FRAMES = 16  # of a network that takes any number of them
