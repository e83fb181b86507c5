"""What people said about items, and what is made of it: ledger, weak labels, dataset versions, exports."""

from labeling.models.audits import Audit, AuditDraw, AuditStop, FrozenRanking
from labeling.models.classes import LabelClass
from labeling.models.counts import CountChange
from labeling.models.datasets import DatasetEntry, DatasetVersion, Split, SplitAssignment
from labeling.models.exports import Export
from labeling.models.imports import LabelImport
from labeling.models.leases import Lease
from labeling.models.looks import BlindLook, GoldAnswer
from labeling.models.put_off import PutOff
from labeling.models.queries import QueryImage, QueryRound
from labeling.models.settings import GridSettings
from labeling.models.verdicts import Answer, CurrentVerdict, Verdict
from labeling.models.weak import WeakBatch, WeakLabel

__all__ = [
    "Answer",
    "Audit",
    "AuditDraw",
    "AuditStop",
    "BlindLook",
    "CountChange",
    "CurrentVerdict",
    "DatasetEntry",
    "DatasetVersion",
    "Export",
    "FrozenRanking",
    "GoldAnswer",
    "GridSettings",
    "LabelClass",
    "LabelImport",
    "Lease",
    "PutOff",
    "QueryImage",
    "QueryRound",
    "Split",
    "SplitAssignment",
    "Verdict",
    "WeakBatch",
    "WeakLabel",
]
