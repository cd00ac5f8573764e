"""What the viewer answers, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from rich.console import Console
from starlette.testclient import TestClient
from viewing import ADDRESS, HOME, line_of, made_session, perfect, told, write_data, write_run

from facsim.cli.main import app as command_line
from facsim.data import DataSet
from facsim.evaluation import CaseSelection, Run
from facsim.prompt import PromptConfig, build_prompt
from facsim.rollout import SimulatedPerson
from facsim.rollout.rollout_journal import RolloutJournal
from facsim.schema import Action
from facsim.util.errors import ConfigError
from facsim.view import build_app
from facsim.view.replay import so_far
from facsim.view.request_guard import PAGE_POLICY
from facsim.view.terminal import session_replay

STEP = "/session?id=s03&step=2"
PAGES = (
    "/",
    STEP,
    "/frame?id=s03&step=2",
    "/prompt?id=s03&step=2&run=A",
    "/step.json?id=s03&step=2",
    "/static/view.css",
)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("page", PAGES)
def test_every_answer_carries_the_policy(client: TestClient, page: str) -> None:
    headers = client.get(page).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
    if page.startswith("/frame"):
        assert policy.startswith("sandbox;")
        assert "script-src" not in policy and "img-src" not in policy
        assert headers["x-frame-options"] == "SAMEORIGIN"
    else:
        assert policy == PAGE_POLICY
        assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("page", ["/", STEP, "/prompt?id=s03&step=2&run=A", "/nowhere"])
def test_pages_hold_nothing_that_the_policy_forbids(client: TestClient, page: str) -> None:
    html = client.get(page).text
    assert not re.search(r"<[^>]+\s(on\w+|style)=", html)
    assert re.findall(r"<script[^>]*>", html) == ['<script type="module" src="/static/view.js">']
    assert "<style" not in html
    assert not re.search(r'(?:href|src)="(?:https?:|//)', html)


def test_frames_have_a_new_nonce_each_time(client: TestClient) -> None:
    policies = [client.get("/frame?id=s03&step=2").headers["content-security-policy"] for _ in range(2)]
    assert policies[0] != policies[1]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8421",
        "127.0.0.2",
        "0.0.0.0",
        "",
        "localhost:x",
        "[::1]",
    ],
)
def test_other_names_for_this_machine_are_refused(client: TestClient, page: str, host: str) -> None:
    answer = client.get(page, headers={"host": host})
    assert answer.status_code == 403
    assert "made" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:8421", "127.0.0.1:1"])
def test_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": ADDRESS}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 403),
        # A link in a report, opened in a tab.
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 200),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
    ],
)
def test_other_sites_get_no_answer(client: TestClient, headers: dict, status: int) -> None:
    assert client.get(STEP, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/step.png", "/step.json", "/frame", "/static/view.js"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_from_elsewhere_starts_no_download_and_no_browser(
    client: TestClient, path: str, site: str
) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get(path, params={"id": "s01", "step": 1}, headers=headers).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_sent(client: TestClient, method: str) -> None:
    assert client.request(method, "/").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/static/../web.py",
        "/static/..%2fweb.py",
        "/static/%2e%2e/web.py",
        "/static//etc/passwd",
        "/static/..%5cweb.py",
        "/static/page.css%00.js",
        "/static/",
        "/session?id=../../card.json&step=1",
        "/frame?id=%2e%2e%2f%2e%2e%2fetc%2fpasswd&step=1",
        "/step.json?id=s03&step=0",
        "/step.json?id=s03&step=-1",
        "/step.json?id=s03&step=4",
        "/step.json?id=s03&step=99999999999999999999",
        "/step.json?id=s03&step=1e0",
        "/session?id=",
        "/session",
        "/session?id=s03&step=%F0%9F%92%A5",
        "/nowhere",
    ],
)
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text and "import" not in answer.text
    assert answer.headers["content-security-policy"] == PAGE_POLICY


def test_a_long_address_is_refused(client: TestClient) -> None:
    assert client.get("/?q=" + "x" * 60_000).status_code == 414


def test_the_list_is_paged_and_links_to_the_step_that_was_looked_for(client: TestClient) -> None:
    first, second = client.get("/").text, client.get("/?page=2").text
    assert len(re.findall("data-row", first)) == 40
    assert len(re.findall("data-row", second)) == 20
    assert "60 sessions" in text_of(first)
    found = client.get("/?q=sturdy&outcome=purchase").text
    assert "20 sessions found" in text_of(found)
    link = next(link for link in re.findall(r'href="([^"]*)" data-row', found) if "id=s00" in link)
    assert {"step=2", "q=sturdy", "outcome=purchase"} <= set(link.partition("?")[2].split("&amp;"))
    assert "No session matches." in client.get("/?q=nothing+like+it").text


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-3",
        "page=x",
        "page=9999",
        "min=x&max=-2",
        "hits=what",
        "order=up",
        "q=%00%ff",
        "right=%3Cb%3E",
    ],
)
def test_senseless_questions_are_answered_with_a_list(client: TestClient, query: str) -> None:
    assert client.get(f"/?{query}").status_code == 200


def test_a_step_shows_who_did_what_and_who_was_right(client: TestClient) -> None:
    shown = text_of(client.get(STEP).text)
    for words in (
        "Click Mug number 30",
        "results.mug_30.view_product",
        "This one looks sturdy.",
        "in their own words",
        "1 of 3 correct",
        "True probability 0.25",
        "1.50 nats",
        "Because the mug is blue.",
        "wrong, not on the page",
        "A mug for person 3.",
        "Ada, 36, reads every review.",
        "parsed leniently",
    ):
        assert words in shown, words
    assert "Leave the site" in text_of(client.get("/session?id=s03&step=3").text)
    assert "not readable" in text_of(client.get("/session?id=s03&step=3").text)
    assert "No run has a prediction for this step" in text_of(client.get("/session?id=s03&step=1").text)


def test_neighbours_are_those_of_the_list(client: TestClient) -> None:
    html = client.get("/session?id=s03&step=1&outcome=purchase").text
    links = dict(re.findall(r'href="([^"]*)" (data-before|data-after)', html))
    by_kind = {kind: link for link, kind in links.items()}
    assert "id=s00" in by_kind["data-before"] and "outcome=purchase" in by_kind["data-before"]
    assert "id=s06" in by_kind["data-after"]
    first = client.get("/session?id=s00&step=1").text
    assert "data-before" not in first and "data-after" in first
    # Opened from a report, beside what is looked for: no neighbours, but shown.
    assert "data-after" not in client.get("/session?id=s01&step=1&outcome=purchase").text


def test_the_frame_marks_what_was_done_and_predicted(client: TestClient) -> None:
    html = client.get("/frame?id=s03&step=2").text
    assert re.search(
        r'id="person">true action</span><span class="flag r-0" id="run-0">A</span></span><span class="link e marked',
        html,
    )
    assert 'id="run-1">B</span>' in html
    assert 'id="best">most probable</span>' in html
    assert 'id="run-2"' not in html  # not on the page


def test_the_prompt_is_the_one_that_was_sent(client: TestClient, shelf: Path) -> None:
    from html import unescape

    from facsim.data import DataSet

    data = DataSet.open(shelf / "data")
    prompt = build_prompt(so_far(data, data.session("s03"), 1), PromptConfig(style="rationale"))
    html = client.get("/prompt?id=s03&step=2&run=A").text
    shown = [unescape(text) for text in re.findall(r"<pre[^>]*><bdi>(.*?)</bdi></pre>", html, re.DOTALL)]
    assert shown == [message.content for message in prompt.messages]
    assert f"{prompt.tokens:,}" in html
    assert "has changed" not in html
    tokens = [
        int(found.replace(",", "")) for found in re.findall(r'<span class="quiet">([\d,]+) tokens', html)
    ]
    assert sum(tokens) == prompt.tokens
    assert "reads no prompt" in client.get("/prompt?id=s03&step=2&run=B").text
    assert "The default prompt" in client.get("/prompt?id=s03&step=2").text


def test_a_prompt_with_pages_as_changes_is_shown_as_it_was_sent(tmp_path: Path) -> None:
    from html import unescape

    data = write_data(tmp_path / "data", [made_session(1)])
    prompt = PromptConfig(style="action", pages="changes")
    run = write_run(tmp_path / "run", data, lambda *_: told(Action.terminate()), prompt=prompt)
    client = TestClient(build_app(data, [run]), base_url=ADDRESS)
    html = client.get("/prompt?id=s01&step=3&run=A").text
    shown = [unescape(text) for text in re.findall(r"<pre[^>]*><bdi>(.*?)</bdi></pre>", html, re.DOTALL)]
    expected = build_prompt(so_far(data, data.session("s01"), 2), prompt)
    assert shown == [message.content for message in expected.messages]
    assert shown[-1] == "<page>\n<same>\n</page>"
    assert "has changed" not in html


def test_a_prompt_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", [made_session(1)])
    prompt = PromptConfig(budget_tokens=None).model_dump(mode="json") | {
        "tokenizer": str(tmp_path / "gone.json")
    }
    run = write_run(tmp_path / "run", data, lambda *_: told(Action.terminate()), settings={"prompt": prompt})
    client = TestClient(build_app(data, [run]), base_url=ADDRESS)
    answer = client.get("/prompt?id=s01&step=2&run=A")
    assert answer.status_code == 200
    assert "It cannot be built" in answer.text and "no such file" in answer.text


def test_the_tokenizer_of_a_local_model_counts_where_it_is(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    words.save(str(checkpoint / "tokenizer.json"))
    data = write_data(tmp_path / "data", [made_session(1)])
    prompt = PromptConfig(style="action", budget_tokens=900, tokenizer=checkpoint / "tokenizer.json")
    recorded = prompt.model_dump(mode="json") | {"tokenizer": "its own"}
    run = write_run(
        tmp_path / "run",
        data,
        lambda *_: told(Action.terminate()),
        settings={"prompt": recorded},
        predictor=f"local:{checkpoint}",
    )
    client = TestClient(build_app(data, [run]), base_url=ADDRESS)
    expected = build_prompt(so_far(data, data.session("s01"), 1), prompt)
    shown = client.get("/prompt?id=s01&step=2&run=A").text
    assert f"<dd>{expected.tokens}</dd>" in shown
    assert "by the run&#39;s tokenizer" in shown or "by the run's tokenizer" in shown
    (checkpoint / "tokenizer.json").unlink()
    client = TestClient(build_app(data, [run]), base_url=ADDRESS)
    assert "tokenizer was not found" in text_of(client.get("/prompt?id=s01&step=2&run=A").text)


def test_a_changed_wording_is_told(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", [made_session(1)])
    run = write_run(tmp_path / "run", data, lambda *_: told(Action.terminate()), prompt=PromptConfig())
    config = json.loads((run.path / "config.json").read_text())
    config["identity"]["prompt_hash"] = "0" * 16
    (run.path / "config.json").write_text(json.dumps(config))
    client = TestClient(build_app(data, [run.path]), base_url=ADDRESS)
    assert "wording of prompts or the tokenizer has changed" in client.get("/prompt?id=s01&step=2&run=A").text


def test_a_step_as_json_is_whole(client: TestClient, runs: list[Path]) -> None:
    answer = client.get("/step.json?id=s03&step=2")
    assert answer.headers["content-disposition"] == 'attachment; filename="s03-step-2.json"'
    step = answer.json()
    assert step["action"] == {"type": "click", "name": "results.mug_30.view_product"}
    assert step["truth"]["best"]["name"] == "results.mug_2.view_product"
    assert [said["run"] for said in step["predictions"]] == ["good", "bad", "odd"]
    assert [said["right"] for said in step["predictions"]] == [True, False, False]
    line = line_of(runs[1], "s03", 1)
    assert {key: step["predictions"][1][key] for key in line} == line
    assert "Mug number 39" in step["page"]


def test_odd_ids_are_found_and_name_no_file(tmp_path: Path) -> None:
    ids = [
        "..",
        "a/b",
        "%2e%2e",
        "s 1?x=1&step=0#f",
        '"><b>',
        "\u202ecod",
        "\u00e9\U0001f4a5",
        "C:\\x",
        "x" * 3_000,
    ]
    sessions = []
    for number, odd in enumerate(ids):
        session, pages = made_session(number)
        fields = {name: getattr(session, name) for name in session.__slots__}
        sessions.append((type(session)(**fields | {"session_id": odd}), pages))
    data = write_data(tmp_path / "data", sessions)
    client = TestClient(build_app(data), base_url=ADDRESS)
    listed = client.get("/").text
    for odd, link in zip(ids, re.findall(r'href="([^"]*)" data-row', listed), strict=True):
        from html import unescape

        assert client.get(unescape(link)).status_code == 200
        answer = client.get(f"/step.json?id={quote(odd, safe='')}&step=1")
        assert answer.json()["session_id"] == odd
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9._-]+"', answer.headers["content-disposition"])


def test_a_data_set_without_runs_and_with_bare_sessions_is_shown(tmp_path: Path) -> None:
    session, _ = made_session(1)
    steps = (type(session.steps[0])("", Action.click(None)), type(session.steps[0])("", Action.terminate()))
    bare = type(session)("s", "u", steps)
    data = write_data(tmp_path / "data", [(bare, [HOME, "<p>"])])
    client = TestClient(build_app(data), base_url=ADDRESS)
    assert "1 session" in text_of(client.get("/").text)
    assert "an element without a name" in text_of(client.get("/session?id=s&step=1").text)
    assert client.get("/frame?id=s&step=2").status_code == 200
    assert client.get("/prompt?id=s&step=2").status_code == 200


def test_half_a_surrogate_pair_is_shown(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", [made_session(1)])
    run = write_run(tmp_path / "run", data, lambda *_: told(Action.terminate(), rationale="here"))
    file = run.path / "predictions.jsonl"
    file.write_text(file.read_text().replace('"here"', r'"\ud83d half"'))
    client = TestClient(build_app(data, [run.path]), base_url=ADDRESS)
    assert "half" in client.get("/session?id=s01&step=2").text
    assert client.get("/step.json?id=s01&step=2").status_code == 200


def test_a_fault_is_answered_with_the_policy_and_without_its_inside(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("facsim.view.web.replay_at", fail)
    client = TestClient(build_app(shelf / "data"), base_url=ADDRESS, raise_server_exceptions=False)
    answer = client.get(STEP)
    assert answer.status_code == 500
    assert "the inside" not in answer.text
    assert answer.headers["content-security-policy"] == PAGE_POLICY


def test_a_data_set_without_its_pages_is_shown(shelf: Path, tmp_path: Path) -> None:
    shutil.copytree(shelf / "data", tmp_path / "data")
    (tmp_path / "data" / "pages.parquet").unlink()
    client = TestClient(build_app(tmp_path / "data", [shelf / "runs" / "good"]), base_url=ADDRESS)
    assert "1 of 1 correct" in text_of(client.get(STEP).text)
    assert "lacks this page" in client.get("/frame?id=s03&step=2").text
    assert "It cannot be built" in client.get("/prompt?id=s03&step=2&run=A").text
    assert client.get("/step.json?id=s03&step=2").json()["page"] is None


def test_the_theme_is_that_of_the_cookie(client: TestClient) -> None:
    for cookie, theme in (("dark", "dark"), ("light", "light"), ('x"><b>', "auto"), ("", "auto")):
        for page in ("/", "/frame?id=s03&step=2"):
            html = client.get(page, headers={"cookie": f"facsim_theme={cookie}"}).text
            assert f'<html lang="en" class="theme-{theme}">' in html


def test_other_data_is_refused_in_a_sentence(
    shelf: Path, runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_data(tmp_path / "other", [made_session(1)])
    with pytest.raises(ConfigError, match="answers steps of another data set: made") as refused:
        build_app(other, runs)
    assert "Traceback" not in str(refused.value)
    with pytest.raises(ConfigError, match="answers steps of another data set"):
        command_line(
            ["view", str(other.path), str(runs[0])], exit_on_error=False, result_action="return_value"
        )


def test_the_list_opens_on_sessions_with_predictions(shelf: Path, tmp_path: Path) -> None:
    data = DataSet.open(shelf / "data")
    run = write_run(tmp_path / "few", data.select(["s05", "s06"]), perfect)
    # A run over a part of the data set: it identifies the whole.
    cases = CaseSelection.of(data, part="all", split_by="user", seed=0, first_step="exclude", limit=None)
    identity = run.config.identity.model_copy(update={"cases": cases})
    run.config.model_copy(update={"identity": identity, "digest": identity.digest}).write(run.path)
    client = TestClient(build_app(data, [run.path]), base_url=ADDRESS)
    assert "2 sessions" in text_of(client.get("/").text)
    assert "60 sessions" in text_of(client.get("/?hits=any").text)
    assert 'href="/session?id=s05&amp;step=2"' in client.get("/").text


def test_strips_link_to_their_steps_and_say_what_they_are(client: TestClient) -> None:
    html = client.get("/").text
    assert re.search(
        r'<a class="cell some" href="/session\?id=s03&amp;step=2" title="Step 2: Click [^"]* \(1 of 3 correct\)"',
        html,
    )
    assert re.search(
        r'<a class="cell none" href="/session\?id=s03&amp;step=1" title="Step 1: [^"]* \(no prediction\)"',
        html,
    )


def test_an_unreadable_answer_is_shown_at_once(client: TestClient, runs: list[Path]) -> None:
    line = line_of(runs[2], "s03", 2)
    assert line["pred_type"] is None and line["answer"]
    html = client.get("/session?id=s03&step=3").text
    answer = html[html.index('class="answer') :]
    assert re.search(r"<details open>", answer)
    assert line["answer"] in text_of(html)


def test_a_page_that_is_not_there_is_a_whole_page(client: TestClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "Not found There is no such page. Sessions" in text_of(answer.text)
    # The body must not have the class of the card in it, which has a width of its own.
    assert '<body class="error">' in answer.text


FOREIGN = [
    {"pred_name": ["a", "list"]},
    {"rationale": 3},
    {"rank": 1.5},
    {"pred_type": 7},
    {"step": "1"},
    {"log_probability": "likely"},
]


@pytest.mark.parametrize("change", FOREIGN, ids=str)
def test_foreign_lines_are_named_and_the_other_runs_still_shown(
    shelf: Path, runs: list[Path], tmp_path: Path, change: dict[str, object]
) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(runs[0], foreign)
    file = foreign / "predictions.jsonl"
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    place = next(place for place, line in enumerate(lines) if line["session_id"] == "s03")
    for line in lines:
        line.pop("checksum")
    lines[place] |= change
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    client = TestClient(build_app(shelf / "data", [foreign, runs[1]]), base_url=ADDRESS)
    said = f"predictions.jsonl, line {place + 1}"
    for address in ("/", "/session?id=s03&step=2"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert said in text_of(answer.text), address
        assert "Predictions of" in text_of(answer.text)
    assert "1 of 1" not in text_of(client.get("/session?id=s03&step=2").text)
    assert "wrong" in client.get("/session?id=s03&step=2").text
    assert client.get("/step.json?id=s03&step=2").json()["predictions"][0]["run"] == "bad"
    # A filter needs every line of every run: it says which is damaged.
    answer = client.get("/?hits=split")
    assert answer.status_code == 422
    assert said in text_of(answer.text)


def test_an_unknown_action_is_shown_as_none(shelf: Path, runs: list[Path], tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(runs[0], foreign)
    file = foreign / "predictions.jsonl"
    lines = [json.loads(line) | {"pred_type": "scroll"} for line in file.read_bytes().splitlines()]
    for line in lines:
        line.pop("checksum")
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    client = TestClient(build_app(shelf / "data", [foreign]), base_url=ADDRESS)
    assert "not readable" in text_of(client.get("/session?id=s03&step=2").text)
    assert client.get("/").status_code == 200
    replayed = StringIO()
    data = DataSet.open(shelf / "data")
    replay = session_replay(data, data.session("s03"), [Run.open(foreign)])
    Console(file=replayed, width=120).print(replay)
    assert "not an action of Facsim: scroll" in replayed.getvalue()


def test_a_rollout_whose_journal_is_lost_is_a_sentence(tmp_path: Path) -> None:
    work = tmp_path / "out.rollout"
    work.mkdir()
    (work / "settings.json").write_text('{"sessions": 1, "predictor": "x", "site": {"spec": "shop"}}')
    with RolloutJournal(work) as journal:
        journal.put_person(SimulatedPerson("s1", "u1"))
    client = TestClient(build_app(tmp_path / "out"), base_url=ADDRESS)
    assert client.get("/").status_code == 200
    (work / "journal.sqlite").write_bytes(b"lost" * 4096)
    for path in ("/", "/version.json", "/session?id=s1"):
        answer = client.get(path)
        assert answer.status_code == 422 and "cannot be read" in answer.text
