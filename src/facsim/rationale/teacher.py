"""The teacher: asks a model for the rationale of a step, checks it, and retries when it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from facsim.predict.endpoint.client import EndpointClient, EndpointResponse
from facsim.predict.endpoint.completion import CallFailed
from facsim.prompt import Prompt, PromptConfig, parse_rationale
from facsim.prompt.loose_json import exact_object, loose_objects
from facsim.rationale.rationale_checks import CheckContext, FailedCheck, check
from facsim.rationale.teacher_prompts import (
    ANSWER_SCHEMA,
    prompt_hash,
    retry_prompt,
    system_message,
    teacher_prompt,
)
from facsim.rationale.transcripts import Transcripts
from facsim.schema import Action, SessionSoFar, Usage

ATTEMPTS = 3
"""Most attempts per rationale, the first one included."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of the teacher: its rationale, and the checks that it failed."""

    rationale: str
    failed_checks: tuple[FailedCheck, ...]


@dataclass(frozen=True, slots=True)
class RationaleResult:
    """The result for one step.

    Attributes:
        rationale: the rationale; None if no answer passed the checks or a call failed.
        attempts: every answer, in order. The last one is the rationale, if there is one.
        error: why a call failed for good, if one did.
        usage: tokens, cost and seconds of all attempts.
        asked: number of answers that came from the model; the others came from the cache.
    """

    rationale: str | None
    attempts: tuple[Attempt, ...]
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    asked: int = 0


class Teacher:
    """A model that writes rationales.

    Args:
        model: client of the model.
        examples: think-aloud transcripts for the prompt.
        budget_tokens: most tokens of a prompt. Longer pages are shortened; the element acted upon stays.
    """

    def __init__(self, model: EndpointClient, examples: Transcripts, *, budget_tokens: int = 24_000) -> None:
        self.model, self.examples = model, examples
        self.config = PromptConfig(budget_tokens=budget_tokens)
        self.system = system_message(examples)
        self._schema = None if model.options.structured == "off" else ANSWER_SCHEMA

    def settings(self) -> dict[str, Any]:
        """Everything that changes the rationales."""
        return {
            "teacher": self.model.spec,
            **self.model.settings(),
            "budget_tokens": self.config.budget_tokens,
            "attempts": ATTEMPTS,
            "prompt": prompt_hash(),
            "examples": self.examples.hash,
        }

    def prompt(self, so_far: SessionSoFar, action: Action) -> Prompt:
        """The first prompt for a step."""
        return teacher_prompt(so_far, action, self.system, self.config)

    async def write(self, so_far: SessionSoFar, context: CheckContext) -> RationaleResult:
        """Ask why `context.action` was taken, up to `ATTEMPTS` times.

        Args:
            so_far: everything that the teacher sees, apart from the action.
            context: what the answer is checked against.

        Raises:
            FacsimError: when continuing is pointless; see `facsim.predict.endpoint.client`.
        """
        prompt = self.prompt(so_far, context.action)
        answers: list[EndpointResponse] = []
        attempts: list[Attempt] = []
        error = None
        while len(attempts) < ATTEMPTS:
            try:
                answer = await self.model.complete(prompt, self._schema)
            except CallFailed as failure:
                self.model.record_failure(failure)
                error = f"{failure.kind}: {failure.message}"
                break
            self.model.record_success([answer])
            answers.append(answer)
            text = answer.completion.text
            # An answer that was cut off at the token limit is a beginning, or reasoning without an end.
            is_cut = answer.completion.finish == "length" and exact_object(text) is None
            rationale = "" if is_cut else read_answer(text)
            failed_checks = check(rationale, context)
            attempts.append(Attempt(rationale, failed_checks))
            if not failed_checks:
                break
            prompt = retry_prompt(prompt, text, failed_checks, self.config)
        fine = bool(attempts) and not attempts[-1].failed_checks
        return RationaleResult(
            rationale=attempts[-1].rationale if fine else None,
            attempts=tuple(attempts),
            error=error,
            usage=self.model.usage(answers, sum(answer.seconds for answer in answers)),
            asked=sum(not answer.from_cache for answer in answers),
        )


def read_answer(text: str) -> str:
    """The rationale in an answer: from `{"rationale": ...}`, or the plain text if there is no object.

    White space is folded. Text that is no rationale is returned as it is, or empty; the checks judge it.
    """
    plain = parse_rationale(text) or ""
    for found in loose_objects(plain):
        given = found.fields.get("rationale")
        if isinstance(given, str):
            return " ".join(given.split())
    folded = " ".join(plain.split())
    quoted = len(folded) > 1 and folded[0] == folded[-1] == '"'
    return folded[1:-1].strip() if quoted else folded
