"""What training refuses: a stable code and a sentence for the person who asked."""

from typing import Self


class TrainingRefused(ValueError):
    """Training, inference or an export that cannot be done as asked; the sentence says what to change."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (self.code, self.sentence)
