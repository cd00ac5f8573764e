"""The teacher: asks a model why a step was taken, checks the answer, and asks again where it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from facsim.predict.endpoint.chat_model import Answer, ChatModel
from facsim.prompt import Prompt, PromptConfig, parse_rationale
from facsim.prompt.loose_json import loose_objects
from facsim.rationale.rationale_checks import Problem, Seen, check
from facsim.rationale.teacher_prompts import (
    ANSWER_SCHEMA,
    asked_again,
    prompt_hash,
    system_message,
    teacher_prompt,
)
from facsim.rationale.transcripts import Transcripts
from facsim.schema import Action, SessionSoFar, Usage

ATTEMPTS = 3
"""How often a reason is asked for, the first time included."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of the teacher: the reason in it, and the checks that it did not pass."""

    rationale: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """What came of one step.

    Attributes:
        rationale: the reason; None where no answer passed the checks or a call failed.
        attempts: every answer, in order; the last one is the reason where there is one.
        error: why a call failed for good, if one did.
        usage: tokens, cost and seconds of all attempts.
        asked: how many of the answers came from the model now; the others were kept from before.
    """

    rationale: str | None
    attempts: tuple[Attempt, ...]
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    asked: int = 0


class Teacher:
    """A model that writes reasons.

    Args:
        model: who is asked.
        examples: think-aloud transcripts that it is shown.
        budget_tokens: most tokens of a prompt. A longer page is shortened; what was acted on stays.
    """

    def __init__(self, model: ChatModel, examples: Transcripts, *, budget_tokens: int = 24_000) -> None:
        self.model, self.examples = model, examples
        self.config = PromptConfig(budget_tokens=budget_tokens)
        self.system = system_message(examples)
        self._schema = None if model.options.structured == "off" else ANSWER_SCHEMA

    def settings(self) -> dict[str, Any]:
        """What changes the reasons."""
        return {
            "teacher": self.model.spec,
            **self.model.settings(),
            "budget_tokens": self.config.budget_tokens,
            "attempts": ATTEMPTS,
            "prompt": prompt_hash(),
            "examples": self.examples.hash,
        }

    def prompt(self, so_far: SessionSoFar, action: Action) -> Prompt:
        """The first question about a step."""
        return teacher_prompt(so_far, action, self.system, self.config)

    async def write(self, so_far: SessionSoFar, seen: Seen) -> Written:
        """Ask why `seen.action` was taken, up to `ATTEMPTS` times.

        Args:
            so_far: all that the teacher is told besides the action.
            seen: what the answer is checked against.

        Raises:
            FacsimError: when going on makes no sense; see `facsim.predict.endpoint.chat_model`.
        """
        from facsim.predict.endpoint.transport import CallFailed  # noqa: PLC0415

        prompt = self.prompt(so_far, seen.action)
        answers: list[Answer] = []
        attempts: list[Attempt] = []
        error = None
        while len(attempts) < ATTEMPTS:
            try:
                answer = await self.model.ask(prompt, self._schema)
            except CallFailed as failure:
                self.model.failed(failure)
                error = f"{failure.kind}: {failure.message}"
                break
            self.model.answered([answer])
            answers.append(answer)
            rationale = read_answer(answer.reply.text)
            problems = check(rationale, seen)
            attempts.append(Attempt(rationale, problems))
            if not problems:
                break
            prompt = asked_again(prompt, answer.reply.text, problems, self.config)
        fine = bool(attempts) and not attempts[-1].problems
        return Written(
            rationale=attempts[-1].rationale if fine else None,
            attempts=tuple(attempts),
            error=error,
            usage=self.model.usage(answers, sum(answer.seconds for answer in answers)),
            asked=sum(not answer.from_cache for answer in answers),
        )


def read_answer(text: str) -> str:
    """The reason in an answer: of `{"rationale": ...}`, or the plain text of an answer without an object.

    White space is folded. What is no reason at all comes out as it is, or empty: the checks judge it.
    """
    plain = parse_rationale(text) or ""
    for found in loose_objects(plain):
        given = found.fields.get("rationale")
        if isinstance(given, str):
            return " ".join(given.split())
    folded = " ".join(plain.split())
    quoted = len(folded) > 1 and folded[0] == folded[-1] == '"'
    return folded[1:-1].strip() if quoted else folded
