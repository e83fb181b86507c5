"""`sfi query-index` (`index-query`): ask a served index what is near a picture, a box or a vector."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import flags

DESCRIPTION = """
Ask a served index and print the neighbors as a JSON list, nearest first. The query is a feature file, or a
picture: then the same network as of the index makes its features here. With --box only a part of the picture
is looked for; an index with a row per position finds it wherever it is in other pictures.
"""
EXAMPLE = """
sfi query-index --query features/crab.npy --num-results 5
sfi query-index --image street.jpg --box 120,40,220,140 --draw found
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("--query", type=Path, metavar="FILE.npy", help="one vector, or the rows of a grid")
    query.add_argument("--image", type=flags.existing_file, metavar="FILE", help="a picture instead")
    parser.add_argument(
        "--box",
        type=_box,
        metavar="X1,Y1,X2,Y2",
        help="of --image: a part, in pixels, or as shares when all four are at most 1",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=flags.whole(1, 65535), default=5000, help="default: 5000")
    parser.add_argument(
        "--num-results", type=flags.whole(1, 10_000), default=10, metavar="N", help="default: 10"
    )
    parser.add_argument(
        "--expand",
        type=flags.whole(0, 100),
        default=0,
        metavar="K",
        help="ask again with the mean of the query and its first K neighbors; default: 0, off",
    )
    parser.add_argument(
        "--aggregate", choices=("min", "mean", "votes"), help="of several rows; default: the server's"
    )
    parser.add_argument(
        "--draw", type=Path, metavar="DIR", help="write the neighbors as pictures, the nearest cell framed"
    )
    parser.add_argument("--token-file", type=flags.existing_file, metavar="FILE", help="as the server's")
    parser.add_argument(
        "--encoder",
        metavar="NAME",
        help="for --image: the network of an index that does not say it; the old sfi had resnet50",
    )
    parser.add_argument(
        "--pool", choices=("mac", "mean", "gem"), default="mac", help="with --encoder; default: mac"
    )
    parser.add_argument(
        "--image-size",
        type=flags.image_size,
        default=448,
        metavar="PX",
        help="with --encoder: the square its pictures were resized to; default: 448",
    )
    flags.add_weights(parser)
    flags.add_device(parser)
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the neighbors as JSON on standard output; 1 when no server answers, 2 when it refuses."""
    from indexing.compute.plain.whole_files import as_json
    from sisyphus_web.cli.plain.index_client import IndexClient
    from sisyphus_web.cli.plain.index_requests import encode

    if arguments.box and not arguments.image:
        raise CliError("--box goes with --image", Exit.REFUSED)
    token = arguments.token_file.read_text(encoding="utf-8").strip() if arguments.token_file else None
    client = IndexClient(arguments.host, arguments.port, token)
    rows, more = _of_file(arguments.query) if arguments.query else _of_image(arguments, client.info())
    body = encode(
        rows,
        num_results=arguments.num_results,
        expand=arguments.expand or None,
        aggregate=arguments.aggregate,
        **more,
    )
    neighbors = client.query(body)
    print(as_json(neighbors, indent=None if arguments.json else 1).decode())
    if arguments.draw:
        return _draw(arguments.draw, neighbors, as_json=arguments.json)
    return Exit.DONE


def _of_file(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """The rows of a feature file, and what its side file says of their encoder."""
    from indexing.compute.plain import side_files
    from indexing.compute.plain.feature_files import FeaturesRefused, read_features

    try:
        rows = read_features(path)
    except FeaturesRefused as refusal:
        raise CliError(refusal.sentence, Exit.REFUSED) from None
    meta = side_files.read_meta(path) or {}
    return rows, {name: meta.get(name) for name in ("encoder", "weights_sha256")}


def _of_image(arguments: argparse.Namespace, info: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
    """The rows of a picture by the network the index is of."""
    from indexing.compute.decoder import Decoder
    from indexing.compute.encoders.specs import WeightsRefused
    from indexing.compute.media_facts import MediaRefused
    from indexing.compute.plain.picture_networks import PictureSettings
    from indexing.compute.plain.query_pictures import query_of, shares_of
    from sisyphus_web.cli.plain import networks

    network = networks.load(PictureSettings(*_settings_of(info, arguments)), arguments)
    if info["weights_sha256"] and network.weights.sha256 != info["weights_sha256"]:
        raise CliError(
            f"{network.weights.path} are other weights than the index is of "
            f"(sha256 {str(info['weights_sha256'])[:16]}...); "
            "give the right ones as --weights",
            Exit.REFUSED,
        )
    try:
        with Decoder() as decoder:
            picture = decoder.image(arguments.image)
        box = None
        if arguments.box:
            box = shares_of(arguments.box, picture.width_px, picture.height_px)
        found = query_of(network, picture.pixels, box)
    except (MediaRefused, WeightsRefused, ValueError) as error:
        raise CliError(f"{arguments.image}: {error}", Exit.REFUSED) from None
    return found.rows, {**network.identity, "positions": found.positions}


def _settings_of(info: dict[str, Any], arguments: argparse.Namespace) -> tuple[str, str, int | None, str]:
    """Network, pooling, image size and precision that the index says, or the flags where it says none."""
    said = info.get("settings") or {}
    if "network" in said:
        if arguments.encoder not in (None, said["network"]):
            raise CliError(f"--encoder {arguments.encoder}: the index is of {said['network']}", Exit.REFUSED)
        pool = "none" if said["pool"] == "map" else said["pool"]
        return said["network"], pool, said["image_size"], said["precision"]
    if arguments.encoder is None:
        raise CliError(
            "the index does not say which network it is of. Say it: --encoder resnet50 --image-size 448 "
            "is what the old sfi took unless told otherwise. Or give --query with a feature file",
            Exit.REFUSED,
        )
    return arguments.encoder, arguments.pool, arguments.image_size, "fp32"


def _draw(folder: Path, neighbors: list[dict[str, Any]], *, as_json: bool) -> int:
    """Each neighbor as NN-NAME.png; 3 when some could not be read."""
    from indexing.compute.decoder import Decoder
    from indexing.compute.media_facts import MediaRefused
    from indexing.compute.plain.picture_edits import as_file
    from indexing.compute.plain.query_pictures import picture_of
    from indexing.compute.plain.whole_files import write_whole
    from sisyphus_web.cli.plain.progress import notice

    end = Exit.DONE
    with Decoder() as decoder:
        for rank, neighbor in enumerate(neighbors):
            try:
                pixels = picture_of(decoder, neighbor)
            except MediaRefused as refusal:
                notice(f"{neighbor['path']}: {refusal.sentence}", as_json=as_json)
                end = Exit.SOME_REJECTED
                continue
            write_whole(folder / f"{rank:02d}-{Path(neighbor['media']).stem}.png", as_file(pixels, ".png"))
    return end


def _box(text: str) -> tuple[float, float, float, float]:
    try:
        x1, y1, x2, y2 = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"four numbers X1,Y1,X2,Y2, got {text!r}") from None
    if not (0 <= x1 < x2 and 0 <= y1 < y2):
        raise argparse.ArgumentTypeError(f"left before right, top before bottom, none below 0; got {text!r}")
    return x1, y1, x2, y2
