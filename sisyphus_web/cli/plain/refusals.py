"""What training refuses, as the command line tells it: the sentence, and exit status 2."""

from collections.abc import Iterator
from contextlib import contextmanager

from sisyphus_web.cli.errors import CliError, Exit


@contextmanager
def told() -> Iterator[None]:
    """A refusal inside the block is a CliError with its sentence."""
    from indexing.compute.encoders.specs import EncoderUnknown, WeightsMissing, WeightsRefused
    from training.compute.refusals import TrainingRefused

    try:
        yield
    except (TrainingRefused, EncoderUnknown, WeightsMissing, WeightsRefused) as error:
        raise CliError(str(error), Exit.REFUSED) from None
