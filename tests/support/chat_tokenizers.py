"""Tokenizers made here, with the chat templates of the families that people use, in their shape."""

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HEADERS = (
    "<s>{% for m in messages %}<|start|>{{ m.role }}<|end|>\n\n{{ m.content | trim }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant<|end|>\n\n{% endif %}"
)
BRACKETS = (
    "<s>{% set ns = namespace(system='') %}{% for m in messages %}{% if m.role == 'system' %}"
    "{% set ns.system = m.content + '\n\n' %}{% elif m.role == 'user' %}[INST] {{ ns.system }}{{ m.content }}[/INST]"
    "{% set ns.system = '' %}{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
FORGETS = CHATML.replace("{{ m.content }}", "{{ m.content.split('</think>')[-1].strip() }}")
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
UNENDING = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
SPECIAL = [
    "<s>",
    "</s>",
    "<|im_start|>",
    "<|im_end|>",
    "<|start|>",
    "<|end|>",
    "<|eot|>",
    "[INST]",
    "[/INST]",
]
TEXT = [
    '<div><h1>Kettle</h1><a name="search_results.kettle.view_product">Kettle €40</a></div>',
    '{"type": "click", "name": "search_results.kettle.view_product"} {"type": "terminate"}',
    '{"rationale": "I like it because it is näher", "action": {"type": "type_and_submit", "text": "blue kettle"}}',
]


def make_tokenizer(
    template: str | None, eos: str | None = "</s>", *, texts: Sequence[str] = TEXT, size: int = 400
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, of 400 tokens by default."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        [*texts] * 5,
        trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, chat_template=template, eos_token=eos)
