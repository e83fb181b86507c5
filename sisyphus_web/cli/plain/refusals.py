"""What training refuses, as the command line tells it: the sentence, and exit status 2."""

from collections.abc import Iterator
from contextlib import contextmanager

from sisyphus_web.cli.errors import CliError, Exit
from sisyphus_web.cli.plain.missing_weights import without_weights


@contextmanager
def told(network: str = "") -> Iterator[None]:
    """A refusal inside the block is a CliError with its sentence; `network` is whose weights are wanted."""
    from indexing.compute.encoders.specs import EncoderUnknown, WeightsMissing, WeightsRefused
    from training.compute.refusals import TrainingRefused

    try:
        yield
    except WeightsMissing as error:
        raise CliError(without_weights(error, network), Exit.REFUSED) from None
    except (TrainingRefused, EncoderUnknown, WeightsRefused) as error:
        raise CliError(str(error), Exit.REFUSED) from None
