"""`sfi serve-index` (`index-serve`): a plain index over HTTP."""

import argparse
import errno
import ipaddress
import json
import logging
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain import flags

if TYPE_CHECKING:
    from indexing.compute.plain.index_files import PlainIndex

DESCRIPTION = """
Answer queries to an index: POST / with {"feature": base64, "shape": [N, C], "dtype", "num_results"}, as the
old sfi's clients write it; the answer is a list of {"distance", "path"} and, where known, similarity, media,
number, pts_seconds and position. GET /health and GET /info say how it is and what it is of.

More cells are probed than --num-probes where that many do not hold enough results. The server listens to
this machine only; any other --host needs --token-file. It ends on SIGTERM or Ctrl-C.
"""
EXAMPLE = """
sfi serve-index --index photos --num-probes 8
sfi query-index --query features/crab.npy --num-results 5
"""
PORT_ADVICE = {
    errno.EADDRINUSE: ". Another program listens there; stop it, or give another --port (0: any free one)",
    errno.EACCES: ". Ports below 1024 are the system's; give a larger --port",
    errno.EADDRNOTAVAIL: ". This machine has no such address; give another --host",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    flags.with_example(parser, DESCRIPTION, EXAMPLE)
    parser.add_argument("--index", type=Path, required=True, metavar="NAME", help="of NAME.idx and NAME.json")
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=flags.whole(0, 65535), default=5000, help="default: 5000")
    parser.add_argument(
        "--num-probes",
        type=flags.whole(1, 1_000_000),
        default=1,
        metavar="N",
        help="cells to look into; more find more and take longer; default: 1",
    )
    parser.add_argument(
        "--features-size",
        type=flags.whole(1, 14),
        metavar="G",
        help="a query has G x G rows, or names its positions; default: as the index was built, else 1",
    )
    parser.add_argument(
        "--aggregate",
        choices=("min", "mean", "votes"),
        default="min",
        help="how the rows of a query count for an item: smallest distance, mean of each row's smallest, "
        "number of rows that met it; default: min",
    )
    parser.add_argument(
        "--images",
        type=flags.existing_folder,
        metavar="DIR",
        help="the pictures that the features are of, found by their names where no side file says it, as of "
        "the old sfi's features; answers then name them as media",
    )
    parser.add_argument(
        "--token-file", type=flags.existing_file, metavar="FILE", help="who asks must send what is in it"
    )
    flags.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C, then 0; 2 for an index or an address that cannot be served."""
    from indexing.compute.plain import index_files
    from sisyphus_web.cli.plain.index_server import IndexServer

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s")
    token = _token(arguments)
    idx = index_files.index_path(arguments.index)
    if not idx.is_file():
        raise CliError(f"{idx} does not exist; build it with sfi build-index", Exit.REFUSED)
    size = arguments.features_size or _built_size(idx)
    try:
        server = IndexServer(
            (arguments.host, arguments.port),
            lambda: _opened(idx, arguments.images),
            num_probes=arguments.num_probes,
            features_size=size,
            aggregate=arguments.aggregate,
            token=token,
            on_ready=lambda info: _say_ready(info, as_json=arguments.json),
        )
    except OSError as error:
        at = f"{arguments.host}:{arguments.port}"
        advice = PORT_ADVICE.get(error.errno or 0, "")
        raise CliError(
            f"{at} cannot be listened to: {error.strerror or error}{advice}", Exit.REFUSED
        ) from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    with server:
        port = server.server_address[1]
        _say(arguments, idx, port)
        server.start_loading()
        server.serve_forever(poll_interval=0.1)
        server.finish()
    if server.failure is not None:
        raise CliError(str(server.failure), Exit.REFUSED)
    return Exit.DONE


def _opened(idx: Path, images: Path | None) -> "PlainIndex":
    """The index, and the pictures it is of where they are named."""
    from indexing.compute.plain import index_files
    from indexing.compute.plain.source_pictures import SourcePictures

    opened = index_files.load(idx)
    if images is not None:
        opened.pictures = SourcePictures(images)
    return opened


def _say_ready(info: dict[str, Any], *, as_json: bool) -> None:
    """What is served, and what of it is not known."""
    cells = f"{info['cells_probed']} of {info['cells']} cells probed"
    lines = [f"ready: {info['count']:,} vectors of {info['width']:,}, {cells}"]
    if not info["encoder"]:
        lines.append("it is not known which encoder they are of")
    if not info["has_media"]:
        lines.append("it is not known which pictures they are of: --images DIR finds them by their names")
    if not info["reranks_exactly"]:
        lines.append("the feature files are not where the index names them: distances are those of codes")
    with suppress(BrokenPipeError):  # who started it has read what it wanted
        print(json.dumps({"event": "ready", "info": info}) if as_json else "\n".join(lines), flush=True)


def _say(arguments: argparse.Namespace, idx: Path, port: int) -> None:
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    url = f"http://{host}:{port}"
    print(
        json.dumps({"event": "serving", "url": url, "index": str(idx)})
        if arguments.json
        else f"{idx} on {url}"
    )
    sys.stdout.flush()


def _token(arguments: argparse.Namespace) -> str | None:
    """What must be sent; CliError 2 for an open door to other machines."""
    if arguments.token_file is not None:
        token = arguments.token_file.read_text(encoding="utf-8").strip()
        if len(token) < 16 or not token.isascii() or not token.isprintable():
            raise CliError(f"{arguments.token_file} must hold at least 16 plain characters", Exit.REFUSED)
        return token
    if not _is_loopback(arguments.host):
        raise CliError(
            f"--host {arguments.host} is reached from other machines: that needs --token-file", Exit.REFUSED
        )
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _built_size(idx: Path) -> int:
    """The grid the index was built with."""
    from indexing.compute.encoders.pictures import STRIDE_PX
    from indexing.compute.plain import side_files
    from sisyphus_web.cli.plain.index_requests import ANY_SIZE

    meta = side_files.read_meta(idx) or {}
    if meta.get("features_size"):
        return int(meta["features_size"])
    if meta.get("layout") != "map":
        return 1
    side = (meta.get("settings") or {}).get("image_size")
    return side // STRIDE_PX if side else ANY_SIZE
