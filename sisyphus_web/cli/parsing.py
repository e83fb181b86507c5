"""The words after `sfi`: its verbs in groups, and mistakes in a sentence that names what was meant."""

import argparse
import difflib
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from sisyphus_web import __version__
from sisyphus_web.cli.errors import CliError, Exit

Verbs = Mapping[str, tuple[str, str]]  # verb -> (module, what it does)


class Parser(argparse.ArgumentParser):
    """Ends in a CliError instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise CliError(f"{message}. See {self.prog} --help", Exit.REFUSED)


def verb_in(words: Sequence[str], verbs: Verbs) -> str:
    """The verb among the words, or "" where there is none; CliError 2 names the nearest to an unknown one."""
    asked = next((word for word in words if not word.startswith("-")), "")
    if asked and asked not in verbs:
        near = difflib.get_close_matches(asked.replace("_", "-"), verbs, n=3, cutoff=0.7)
        meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(verbs)}."
        raise CliError(f"there is no verb {asked!r}; {meant} See sfi --help", Exit.REFUSED)
    return asked


def parser_of(plain: Verbs, instance: Verbs, asked: str) -> Parser:
    """The parser of `sfi`; only the verb `asked` has its flags, and its module is imported for them."""
    parser = Parser(
        prog="sfi",
        description="Sisyphus on the command line. Each verb explains itself: sfi VERB --help.",
        epilog=f"{_listed('on folders and files, without a running Sisyphus', plain)}\n\n"
        f"{_listed('with the running Sisyphus', instance)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sfi {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", help="one of those below")
    for verb, (module, words) in {**instance, **plain}.items():
        if verb == asked:
            of_verb = verbs.add_parser(verb, description=f"{words[0].upper()}{words[1:]}.")
            importlib.import_module(module).add_arguments(of_verb)
    return parser


def parsed(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """What the words ask for; CliError 2 for what is no flag, the nearest one named."""
    try:
        arguments, unknown = parser.parse_known_args(words)
    except CliError as error:
        raise CliError(f"{error}{_meant(parser, words)}{_dashed(words)}", error.code) from None
    if arguments.verb is None:
        parser.print_help(sys.stderr)
        raise CliError("name a verb", Exit.REFUSED)
    if unknown:
        sentence = f"{' '.join(unknown)} is not known here. See sfi {arguments.verb} --help"
        raise CliError(f"{sentence}{_meant(parser, words)}{_dashed(words)}", Exit.REFUSED)
    return arguments


def _listed(title: str, verbs: Verbs) -> str:
    """Verbs under a title, the spellings of one on one line."""
    spellings: dict[tuple[str, str], list[str]] = {}
    for verb, what in verbs.items():
        spellings.setdefault(what, []).append(verb)
    lines = [(", ".join(names), words) for (_, words), names in spellings.items()]
    width = max(len(names) for names, _ in lines)
    return "\n".join([f"{title}:", *(f"  {names:<{width}}  {words}" for names, words in lines)])


def _meant(parser: Parser, words: Sequence[str]) -> str:
    """The flag that is nearest to one that is none, as a question."""
    verbs = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    known = {flag for of_verb in verbs.choices.values() for flag in of_verb._option_string_actions}
    for word in words:
        flag = word.partition("=")[0]
        if flag[:2] == "--" and flag != "--" and not any(each.startswith(flag) for each in known):
            near = difflib.get_close_matches(flag, known, n=1)
            return f". Did you mean {near[0]} by {flag}?" if near else ""
    return ""


def _dashed(words: Sequence[str]) -> str:
    """What to do about a file whose name was taken for a flag."""
    name = next((word for word in words if word[:1] == "-" and word != "--" and Path(word).exists()), None)
    return f". A name that begins with a dash is given as ./{name}" if name else ""
