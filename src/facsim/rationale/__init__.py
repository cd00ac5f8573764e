"""The teacher: a model that writes the reasons that recorded steps lack, checked and graded."""

from facsim.rationale.grade import Grade, Grades, grade_rationales
from facsim.rationale.rationale_checks import CHECKS, Problem, Seen, SessionWords, check
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
    "Grade",
    "Grades",
    "Problem",
    "Rewrite",
    "Seen",
    "SessionWords",
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
