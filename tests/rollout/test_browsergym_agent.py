"""The BrowserGym agent, in the real browsergym-core where it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from browser import CHROMIUM
from hostile_site import hostile_site

from facsim.page import simplify
from facsim.rollout.browsergym_agent import BrowserGymAgent
from facsim.rollout.dom_snapshot import html_of_snapshot
from facsim.schema import Action, Prediction, SessionSoFar
from facsim.util.errors import FacsimError

PAGE = (
    "<body><h1 bid='1'>Tea &amp; more</h1><form bid='2'><input bid='3' aria-label='Search' value='old'></form>"
    "<a bid='4' href='/cart'>Cart</a><div bid='5' class='menu'><a bid='6' href='/hidden'>Hidden</a></div>"
    "<select bid='7' aria-label='Size'><option bid='8'>S</option><option bid='9'>M</option></select>"
    "<input bid='10' type='checkbox' aria-label='Gift'><script>1 < 2</script></body>"
)


class Script:
    spec, concurrency = "script", 1

    def __init__(self, *actions: Action | None) -> None:
        self.actions, self.seen = list(actions), []

    def settings(self):
        return {}

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        self.seen.append(so_far)
        return Prediction(self.actions.pop(0), rationale="because")

    async def close(self) -> None:
        pass


def observation(html: str = PAGE, error: str = "") -> dict[str, str]:
    return {"html": html, "goal": "find tea", "url": "http://127.0.0.1/", "last_action_error": error}


def test_actions_become_browsergym_code() -> None:
    names = {element.text or element.name: element.name for element in simplify(PAGE).elements}
    agent = BrowserGymAgent(
        Script(
            Action.click(names["Cart"]),
            Action.type_and_submit(names["Search"], 'it\'s "tea"'),
            Action.type_and_submit(names["Size"], "M"),
            Action.click("nowhere"),
            None,
            Action.terminate(),
        ),
        persona="Anna",
    )
    script = agent._predictor
    assert agent.get_action(observation()) == ("click('4')", {"think": "because", "stats": {}})
    assert agent.get_action(observation())[0] == "fill('3', 'it\\'s \"tea\"')\npress('3', 'Enter')"
    # The last action failed: it is no part of the past.
    assert agent.get_action(observation(error="timeout"))[0] == "select_option('7', 'M')"
    assert [step.action.type for step in script.seen[2].past] == ["click"]
    assert (script.seen[0].persona, script.seen[0].intent) == ("Anna", "find tea")
    with pytest.raises(FacsimError, match="no element 'nowhere'"):
        agent.get_action(observation())
    with pytest.raises(FacsimError, match="the answer names no action"):
        agent.get_action(observation())
    assert agent.get_action(observation())[0] is None
    agent.reset()
    script.actions.append(Action.terminate())
    agent.get_action(observation())
    assert script.seen[-1].past == () and script.seen[-1].session_id == "browsergym-1"
    agent.close()


def test_html_of_a_dom_snapshot(chromium) -> None:
    with chromium.new_page() as page:
        page.set_content(PAGE.replace("<body>", "<style>.menu { display: none }</style><body>"))
        page.fill("[bid='3']", 'new "value"')
        page.check("[bid='10']")
        page.select_option("[bid='7']", "M")
        snapshot = page.context.new_cdp_session(page).send(
            "DOMSnapshot.captureSnapshot", {"computedStyles": [], "includeDOMRects": True}
        )
    html = html_of_snapshot(snapshot)
    elements = {element.text or element.name: element for element in simplify(html).elements}
    assert "Hidden" not in elements and elements["Cart"].href == "/cart"
    assert elements["Search"].value == 'new "value"'
    assert "checked" in elements["Gift"].states
    assert elements["Size"].value == "M" and elements["Size"].options == ("S", "M")
    assert "Tea &amp; more" in html and "1 < 2" not in html


PROGRAM = """
import sys
sys.path[:0] = {paths!r}
import browsergym.core, playwright.sync_api, gymnasium as gym
from test_browsergym_agent import Script
from facsim.rollout.browsergym_agent import BrowserGymAgent
from facsim.page import simplify
from facsim.schema import Action, Prediction

class ByText(Script):
    async def predict(self, so_far):
        self.seen.append(so_far)
        text = self.actions.pop(0)
        if text is None:
            return Prediction(Action.terminate())
        names = {{element.text: element.name for element in so_far.page.elements}}
        if text == "Name":
            return Prediction(Action.type_and_submit(names[text], "Anna"))
        return Prediction(Action.click(names[text]))

# BrowserGym starts a second browser for its chat window, which has no option for the system's Chromium.
launch = playwright.sync_api.BrowserType.launch
playwright.sync_api.BrowserType.launch = lambda self, **options: launch(
    self, **options, executable_path={chromium!r}, chromium_sandbox=False
)
agent = BrowserGymAgent(ByText("Hidden", "Menu", "Name", "Inside", None))
env = gym.make(
    "browsergym/openended",
    task_kwargs={{"start_url": {url!r}, "goal": "look around"}},
    headless=True,
    action_mapping=agent.action_set.to_python_code,
)
obs, _ = env.reset()
while True:
    action, info = agent.get_action(agent.obs_preprocessor(obs))
    if action is None:
        break
    obs, *_ = env.step(action)
    assert not obs["last_action_error"], obs["last_action_error"]
seen = agent._predictor.seen
print([so_far.page.outline.lines[0].text for so_far in seen], seen[0].intent)
print([element.value for element in seen[3].page.elements if element.text == "Name"])
env.close()
"""


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
def test_the_agent_acts_in_browsergym() -> None:
    pytest.importorskip("browsergym.core", reason="browsergym-core is not installed")
    support = Path(__file__).parents[1] / "support"
    with hostile_site() as site:
        program = PROGRAM.format(
            paths=[str(support), str(Path(__file__).parent)],
            url=site.address + "/",
            chromium=CHROMIUM,
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    pages, values = done.stdout.splitlines()[-2:]
    assert pages == "['Home', 'Hidden', 'Hidden', 'Hidden', 'Plain'] look around"
    assert values == "['Anna']"
