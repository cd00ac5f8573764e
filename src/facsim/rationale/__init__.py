"""Rationale synthesis: a teacher model writes missing rationales, which are checked and graded."""

from facsim.rationale.grading import GradingReport, RetrievalScores, grade_rationales
from facsim.rationale.rationale_checks import CHECKS, CheckContext, FailedCheck, SessionVocabulary, check
from facsim.rationale.synthesis_report import SynthesisReport
from facsim.rationale.synthesize import (
    Rewrite,
    Synthesis,
    SynthesisInterrupted,
    SynthesisPlan,
    synthesize,
)
from facsim.rationale.transcripts import Transcript, Transcripts

__all__ = [
    "CHECKS",
    "CheckContext",
    "FailedCheck",
    "GradingReport",
    "RetrievalScores",
    "Rewrite",
    "SessionVocabulary",
    "Synthesis",
    "SynthesisInterrupted",
    "SynthesisPlan",
    "SynthesisReport",
    "Transcript",
    "Transcripts",
    "check",
    "grade_rationales",
    "synthesize",
]
