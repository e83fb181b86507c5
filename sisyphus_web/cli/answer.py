"""`sfi answer CORPUS CLASS accept ITEM...`: verdicts from the command line, in the same ledger."""

import argparse
import json
import uuid

from sisyphus_web.cli import instance
from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.query import class_of

ANSWERS = ("accept", "reject", "unsure")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", help="name or id")
    parser.add_argument("label_class", metavar="CLASS", help="its name")
    parser.add_argument("answer", choices=ANSWERS)
    parser.add_argument("items", type=int, nargs="+", metavar="ITEM", help="an item answers for its stack")
    parser.add_argument("--new-class", action="store_true", help="make the class if there is none")
    parser.add_argument("--force", action="store_true", help="also where something else was said before")
    instance.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when every answer is recorded; 3 when some conflict or name no item; they are listed."""
    instance.connect(arguments)
    from django.core.exceptions import ValidationError

    from indexing.models import Item
    from labeling.models import CurrentVerdict
    from labeling.services.classes import create_class
    from labeling.services.verdicts import BATCH_LIMIT, Operation, record_verdicts

    corpus, user = instance.corpus_of(arguments.corpus), instance.user_of(arguments)
    if arguments.new_class and not corpus.label_classes.filter(name=arguments.label_class).exists():
        try:
            create_class(corpus=corpus, name=arguments.label_class, by=user)
        except ValidationError as error:
            raise CliError(" ".join(error.messages), Exit.REFUSED) from None
    label_class = class_of(arguments.label_class, corpus)
    ids = list(dict.fromkeys(arguments.items))
    stacks = dict(Item.objects.filter(corpus=corpus, pk__in=ids).values_list("pk", "stack_id"))
    known = CurrentVerdict.objects.filter(label_class=label_class, item__in=ids)
    versions = dict(known.values_list("item_id", "version"))
    batch = uuid.uuid4()
    operations = [
        Operation(
            operation_id=uuid.uuid4(),
            batch=batch,
            item=item,
            stack=stacks.get(item),
            label_class=label_class.pk,
            answer=arguments.answer,
            base_version=versions.get(item, 0),
            force=arguments.force,
            mode="command",
        )
        for item in ids
    ]
    results = []
    for at in range(0, len(operations), BATCH_LIMIT):
        part = operations[at : at + BATCH_LIMIT]
        results += record_verdicts(corpus=corpus, annotator=user, operations=part)
    refused = [each for each in results if each.outcome not in {"applied", "duplicate"}]
    if arguments.json:
        outcomes = [{"item": each.item, "outcome": each.outcome, "reason": each.reason} for each in results]
        print(json.dumps({"batch": str(batch), "results": outcomes}))
    else:
        print(
            f"{len(results) - len(refused)} of {len(results)} recorded as {arguments.answer}; batch {batch}"
        )
        for each in refused:
            print(f"  item {each.item}: {each.reason or each.outcome}")
    return Exit.SOME_REJECTED if refused else Exit.DONE
