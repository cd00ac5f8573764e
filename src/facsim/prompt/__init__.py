"""Turn a session so far into chat messages within a token budget, and parse answers into actions.

The action space is defined in one table, `facsim.prompt.action_space.ACTION_SPACE`.
"""

from facsim.prompt.answer_schema import answer_schema
from facsim.prompt.build import action_turn, build_prompt, prompt_hash
from facsim.prompt.config import BudgetPolicy, Message, Pages, PageText, Prompt, PromptConfig, Style
from facsim.prompt.parse import LENIENCIES, ParsedAnswer, parse_answer, parse_rationale
from facsim.prompt.templates import render_answer, step_messages
from facsim.prompt.tokens import count_tokens

__all__ = [
    "LENIENCIES",
    "BudgetPolicy",
    "Message",
    "PageText",
    "Pages",
    "ParsedAnswer",
    "Prompt",
    "PromptConfig",
    "Style",
    "action_turn",
    "answer_schema",
    "build_prompt",
    "count_tokens",
    "parse_answer",
    "parse_rationale",
    "prompt_hash",
    "render_answer",
    "step_messages",
]
