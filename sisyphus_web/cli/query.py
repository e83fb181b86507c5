"""`sfi query CORPUS [LINE]`: what is most like examples, a text or a class, within filters; or a listing.

LINE is the line of the workbench's query bar: `red car -class:truck split:none time:10-20`.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.show import table

if TYPE_CHECKING:
    from labeling.models import LabelClass
    from labeling.services.rounds import RankResult, Term
    from sisyphus_web.accounts.models import Corpus, User


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument(
        "line",
        nargs="*",
        metavar="LINE",
        help="filters and text, as in the query bar: state:accepted -class:truck time:10-20; "
        "without an example the items are listed as they lie (put -- before a part that begins with -)",
    )
    parser.add_argument("--item", type=int, action="append", default=[], metavar="ID", help="like this item")
    parser.add_argument(
        "--image", type=Path, action="append", default=[], metavar="FILE", help="like a picture from anywhere"
    )
    parser.add_argument(
        "--like", action="append", default=[], metavar="CLASS", help="like what was accepted of a class"
    )
    parser.add_argument(
        "--unlike", type=int, action="append", default=[], metavar="ID", help="less like this item"
    )
    parser.add_argument("--learned", action="store_true", help="by what was learned of --class")
    parser.add_argument("--box", metavar="X0,Y0,X1,Y1", help="only this part of the one example, as shares")
    parser.add_argument(
        "--class", dest="label_class", metavar="NAME", help="leave out what is decided for it"
    )
    parser.add_argument(
        "--unit", choices=["frame", "clip"], help="what is searched; without: frames, if there are any"
    )
    parser.add_argument("-n", "--num-results", type=int, default=20, metavar="N", help="default: 20")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with the neighbors printed, best first; 2 for a query that cannot be asked."""
    box = _box(arguments.box)
    instance.connect(arguments)
    from django.core.exceptions import ObjectDoesNotExist

    from labeling.services.rounds import RankRequest, rank_round
    from sisyphus_web.api import Refused
    from sisyphus_web.jobs.errors import JobError

    corpus, user = instance.corpus_of(arguments.corpus), instance.user_of(arguments)
    if not 1 <= arguments.num_results <= 500:
        raise CliError(f"-n must be 1 to 500, got {arguments.num_results}", Exit.REFUSED)
    label_class = class_of(arguments.label_class, corpus) if arguments.label_class else None
    terms = _terms(arguments, corpus, user, box)
    line = " ".join(arguments.line)
    request = RankRequest(
        label_class=label_class.pk if label_class else None,
        terms=terms,
        unit=arguments.unit,
        mode=_mode(arguments, line, has_terms=bool(terms)),
        q=line,
        k=arguments.num_results,
        is_preview=True,  # nobody is kept from what is only printed
    )
    try:
        result = rank_round(corpus=corpus, request=request, by=user)
    except ObjectDoesNotExist:
        named = ", ".join(map(str, [*arguments.item, *arguments.unlike]))
        raise CliError(f"there is no item {named} in {corpus.name}", Exit.REFUSED) from None
    except (JobError, Refused) as error:
        raise CliError(str(error), Exit.REFUSED) from None
    _show(result, as_json=arguments.json)
    return Exit.DONE


def class_of(name: str, corpus: "Corpus") -> "LabelClass":
    """The class in use of that name; CliError with the names that there are."""
    in_use = corpus.label_classes.filter(retired_at=None)
    found = in_use.filter(name=name).first()
    if found is None:
        names = ", ".join(in_use.values_list("name", flat=True)) or "none yet"
        raise CliError(f"there is no class {name!r} in {corpus.name}. There are: {names}.", Exit.REFUSED)
    return found


def _terms(
    arguments: argparse.Namespace,
    corpus: "Corpus",
    user: "User",
    box: tuple[float, float, float, float] | None,
) -> "list[Term]":
    from labeling.services.rounds import Term

    if box is not None and len(arguments.item) + len(arguments.image) != 1:
        raise CliError("--box goes with exactly one --item or --image", Exit.REFUSED)
    terms = [Term(kind="item", item=item, box=box) for item in arguments.item]
    terms += [Term(kind="image", image=_image(path, corpus, user), box=box) for path in arguments.image]
    terms += [Term(kind="class", label_class=class_of(name, corpus).pk) for name in arguments.like]
    return terms + [Term(kind="item", item=item, weight=-1.0) for item in arguments.unlike]


def _mode(
    arguments: argparse.Namespace, line: str, *, has_terms: bool
) -> Literal["similar", "learned", "browse"]:
    from labeling.compute import grammar

    if arguments.learned:
        return "learned"
    try:
        has_text = bool(grammar.parse(line).phrases)
    except grammar.GrammarError as error:
        raise CliError(str(error), Exit.REFUSED) from None
    return "similar" if has_terms or has_text else "browse"


def _box(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise CliError(f"--box must be four numbers X0,Y0,X1,Y1, got {text!r}", Exit.REFUSED) from None
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise CliError(f"--box must lie within 0 to 1, left before right, got {text}", Exit.REFUSED)
    return x0, y0, x1, y1


def _image(path: Path, corpus: "Corpus", user: "User") -> Any:
    from indexing.compute.media_facts import MediaRefused
    from labeling.services.query_images import MAX_BYTES, add_query_image

    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CliError(f"{path} has {size} bytes; at most {MAX_BYTES} are taken", Exit.REFUSED)
        return add_query_image(corpus=corpus, data=path.read_bytes(), name=path.name, by=user).pk
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", Exit.REFUSED) from None
    except MediaRefused as error:
        raise CliError(f"{path}: {error}", Exit.REFUSED) from None


def _show(result: "RankResult", *, as_json: bool) -> None:
    if as_json:
        import msgspec

        print(json.dumps(msgspec.to_builtins(result)))
        return
    rows = [
        {
            "rank": tile.rank,
            "item": tile.item,
            "items": tile.count,
            "similarity": "" if tile.similarity is None else round(tile.similarity, 3),
            "file": tile.name,
            "at": f"{tile.pts_seconds:.2f} s" if tile.media_kind == "video" else "",
        }
        for tile in result.neighbors
    ]
    columns = ["rank", "item", "items", "similarity", "file", "at"]
    table(columns, rows, empty="Nothing is left that is not decided.")
    within = f", within {result.q}" if result.q else ""
    print(f"{result.total:,} found, round {result.round}, {result.mode}, {result.encoder}{within}")
