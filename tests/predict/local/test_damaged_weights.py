"""Weights with one NaN or infinity: no prediction is made of them, in any decoding; session and step are named."""

import shutil

import pytest
from local_models import recorded_session
from safetensors.torch import load_file, save_file

from facsim.lm.checkpoint import load_checkpoint
from facsim.lm.scoring import score_segments
from facsim.predict.local.options import LocalOptions
from facsim.predict.local.predictor import LocalPredictor
from facsim.prompt import PromptConfig
from facsim.prompt.segments import segments
from facsim.util.errors import FacsimError

PROBLEM = r"session s\d, step \d: the model's logits are NaN or infinite"


@pytest.fixture(params=[float("inf"), float("nan")])
def damaged(trained, tmp_path, request):
    folder = shutil.copytree(trained("action"), tmp_path / "damaged")
    state = load_file(folder / "model.safetensors")
    state["model.norm.weight"][0] = request.param
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("decoding", ["greedy", "constrained", "candidates"])
@pytest.mark.parametrize("style", ["action", "think", "two_turn"])
def test_nothing_is_predicted_with_damaged_weights(damaged, decoding, style):
    predictor = LocalPredictor(
        damaged, PromptConfig(style=style), LocalOptions(decoding=decoding, max_output_tokens=16)
    )
    recorded = recorded_session(1, steps=3)
    with pytest.raises(FacsimError, match=PROBLEM):
        list(predictor.predict_sessions([recorded]))
    with pytest.raises(FacsimError, match=r"session s1, step 3: the model's logits"):
        predictor.answer(recorded.steps[2][0])


def test_damaged_weights_have_no_score(damaged):
    model, chat, settings = load_checkpoint(damaged)
    scored = [chat.encode_segment(one) for one in segments(recorded_session(2).steps, settings.prompt)]
    with pytest.raises(FacsimError, match=PROBLEM):
        score_segments(model, scored)
