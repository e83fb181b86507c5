"""The jobs of training; Celery finds them here."""

from training.tasks.export import export_classifier
from training.tasks.fine_tune import fine_tune_classifier
from training.tasks.predict import infer_classifier, predict_classifier
from training.tasks.train import train_classifier

__all__ = [
    "export_classifier",
    "fine_tune_classifier",
    "infer_classifier",
    "predict_classifier",
    "train_classifier",
]
