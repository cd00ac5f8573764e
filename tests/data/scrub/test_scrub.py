"""A data set is scrubbed whole: pages, names, typed texts, addresses, texts; actions still match pages."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from facsim.data import Card, DataSet, DataSetWriter
from facsim.data.scrub.detector import PLACEHOLDER
from facsim.data.scrub.scrub import scrub
from facsim.page import simplify
from facsim.schema import Action, Session, Step
from facsim.util.errors import ConfigError, InputError

KEY = b"a key that is long enough"
LOGIN = """<html><head><title>Sign in</title></head><body><form>
<label>E-mail <input type=email id=mail></label><label>Password <input type=password id=pw></label>
<label>Search <input type=search id=q></label><button id=go>Sign in</button></form></body></html>"""
ACCOUNT = """<html><head><title>Maria Lopez's account</title></head><body>
<a href="/account?sid=9f8e7d6c5b4a&page=2" id=who>Hello, <b>Maria Lopez</b></a>
<a href="/p/B07XJ8C8F5" id=mug>Blue mug, 12 x 9 cm</a>
<div><p>Ship to: Maria Lopez</p><p>14 Elm Street</p><p>Springfield, IL 62704</p></div>
<form><label>First name <input id=first value="Maria"></label><label>Notes <textarea id=notes>Call Maria at +44 20 7183 8750</textarea></label>
<button id=save aria-label="Save address of Maria Lopez">Save</button></form></body></html>"""


@dataclass
class Made:
    data: DataSet
    names: dict[str, str]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    login, account = simplify(LOGIN), simplify(ACCOUNT)
    names = {}
    for page in (login, account):
        for element in page.elements:
            names[element.text.partition(",")[0] or element.name] = element.name
    search = next(one.name for one in login.elements if one.role == "searchbox")
    mail, password = (one.name for one in login.elements if one.role == "textbox")
    greeting, mug = (one.name for one in account.elements if one.tag == "a")
    first = next(one.name for one in account.elements if one.tag == "input")
    save = next(one.name for one in account.elements if one.tag == "button")
    with DataSetWriter(tmp_path / "made", Card(name="made", source="jsonl", origin="a test")) as writer:
        one, two = writer.add_page(login.html, LOGIN), writer.add_page(account.html, ACCOUNT)
        url = "https://shop.example/account?token=abcdef0123456&email=maria%40example.com&q=red+mug"
        steps = (
            Step(one, Action.type_and_submit(search, "mug for two"), url="https://shop.example/"),
            Step(one, Action.type_and_submit(mail, "Maria@Example.com")),
            Step(one, Action.type_and_submit(password, "rosebud")),
            Step(two, Action.click(greeting), rationale="It says Hello, Maria Lopez so it is mine.", url=url),
            Step(two, Action.type_and_submit(first, "Maria"), rationale="I write to maria@example.com."),
            Step(two, Action.click(save)),
            Step(two, Action.click(mug)),
        )
        person = Session(
            "s1",
            "maria@example.com",
            steps,
            persona="My name is Maria Lopez. I drink tea.",
            intent="Send a mug to 14 Elm Street, Springfield, IL 62704",
            persona_fields=json.dumps({"first_name": "Maria", "age": 34, "city": "Springfield"}),
        )
        writer.add_session(person)
        writer.add_session(
            Session("s2", "u2", (Step(one, Action.type_and_submit(search, "maria@example.com")),))
        )
    found = {"search": search, "mail": mail, "password": password, "greeting": greeting}
    found |= {"mug": mug, "first": first, "save": save}
    return Made(DataSet.open(tmp_path / "made"), found)


def everything(data: DataSet) -> str:
    """All text of a data set: both tables, the pages and the reports."""
    tables = [data.sessions.write_json(), data.steps.drop("timestamp").write_json()]
    pages = pl.read_parquet(data.path / "pages.parquet").write_json()
    files = [file.read_text() for file in data.path.iterdir() if file.suffix in (".json", ".md")]
    return "\n".join([*tables, pages, *files])


def test_no_personal_value_is_left_anywhere(made: Made, tmp_path: Path) -> None:
    report = scrub(made.data, tmp_path / "out", key=KEY)
    left = everything(DataSet.open(tmp_path / "out"))
    for value in (
        "Maria",
        "maria",
        "Lopez",
        "lopez",
        "example.com",
        "rosebud",
        "Elm",
        "62704",
        "7183",
        "abcdef0",
        "9f8e7d",
    ):
        assert value not in left, value
    assert report.raw_pages == 2
    assert report.total > 15


def test_what_is_not_personal_stays(made: Made, tmp_path: Path) -> None:
    scrub(made.data, tmp_path / "out", key=KEY)
    left = everything(DataSet.open(tmp_path / "out"))
    for value in (
        "Blue mug, 12 x 9 cm",
        "/p/B07XJ8C8F5",
        "I drink tea.",
        "q=red+mug",
        "page=2",
        "mug for two",
        '\\"age\\": 34',
    ):
        assert value in left, value


def test_every_target_is_still_on_its_page_and_can_be_typed_into(made: Made, tmp_path: Path) -> None:
    scrub(made.data, tmp_path / "out", key=KEY)
    data = DataSet.open(tmp_path / "out")
    for session in data:
        for step in session.steps:
            element = data.page(step.page_id).by_name[step.action.name or ""]
            assert element.is_typable == (step.action.type == "type_and_submit")
    names = [step.action.name for step in data.session("s1").steps]
    assert names[6] == made.names["mug"]
    assert names[3] != made.names["greeting"]
    assert PLACEHOLDER.search((names[3] or "").removeprefix("hello_"))


def test_a_value_has_one_placeholder_wherever_it_is(made: Made, tmp_path: Path) -> None:
    scrub(made.data, tmp_path / "out", key=KEY)
    data = DataSet.open(tmp_path / "out")
    one, two = data.session("s1"), data.session("s2")
    mail = one.steps[1].action.text
    assert mail is not None
    assert re.fullmatch(r"EMAIL_[0-9A-Z]{8}", mail)
    assert mail == two.steps[0].action.text == one.user_id
    assert mail in (one.steps[4].rationale or "")
    assert f"email={mail}&q=red+mug" in (one.steps[3].url or "")
    name = (one.persona or "").removeprefix("My name is ").partition(".")[0]
    assert name in (one.steps[3].rationale or "")
    assert name in data.page(one.steps[3].page_id).html
    assert name.lower() in (one.steps[3].action.name or "")


def test_the_key_decides_the_placeholders_and_is_kept_nowhere(made: Made, tmp_path: Path) -> None:
    texts = []
    for number, key in enumerate((KEY, KEY, None, None)):
        scrub(made.data, tmp_path / f"out{number}", key=key)
        texts.append(DataSet.open(tmp_path / f"out{number}").session("s1").steps[1].action.text)
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3
    assert KEY.decode() not in everything(DataSet.open(tmp_path / "out0"))


def test_a_scrubbed_data_set_stays_as_it_is(made: Made, tmp_path: Path) -> None:
    scrub(made.data, tmp_path / "once", key=KEY)
    report = scrub(tmp_path / "once", tmp_path / "twice", key=b"another key of some length")
    once, twice = DataSet.open(tmp_path / "once"), DataSet.open(tmp_path / "twice")
    assert report.total == 0
    assert once.content_hash == twice.content_hash


def test_a_common_word_on_a_page_of_several_people_stays(made: Made, tmp_path: Path) -> None:
    page = simplify(
        "<html><body><h1>Rose tea</h1><form><label>First name<input></label></form></body></html>"
    )
    name = page.elements[0].name
    with DataSetWriter(tmp_path / "tea", Card(name="tea", source="jsonl", origin="a test")) as writer:
        page_id = writer.add_page(page.html)
        for user in ("a", "b"):
            typed = Step(page_id, Action.type_and_submit(name, "Rose"))
            writer.add_session(Session(f"s{user}", user, (typed,)))
    scrub(tmp_path / "tea", tmp_path / "out", key=KEY)
    data = DataSet.open(tmp_path / "out")
    assert "Rose tea" in data.page(data.session("sa").steps[0].page_id).html
    assert (data.session("sa").steps[0].action.text or "").startswith("NAME_")


def test_names_that_become_equal_stay_unique(tmp_path: Path) -> None:
    html = (
        '<html data-simplified="1"><body><a name="mail_a_b_com" href="/1">mail A@b.com</a>\n'
        '<a name="mail_a_b_com_2" href="/2">mail a@B.com</a></body></html>'
    )
    with DataSetWriter(tmp_path / "in", Card(name="in", source="jsonl", origin="a test")) as writer:
        page_id = writer.add_page(html)
        steps = tuple(Step(page_id, Action.click(name)) for name in ("mail_a_b_com", "mail_a_b_com_2"))
        writer.add_session(Session("s", "u", steps))
    scrub(tmp_path / "in", tmp_path / "out", key=KEY)
    data = DataSet.open(tmp_path / "out")
    session = data.session("s")
    page = data.page(session.steps[0].page_id)
    targets = [page.by_name[step.action.name or ""].href for step in session.steps]
    assert targets == ["/1", "/2"]


def test_pages_of_other_tools_lose_their_scripts_and_comments(tmp_path: Path) -> None:
    html = (
        "<html><body><!-- a@b.com --><script>let mail = 'a@b.com'</script>"
        "<a name=x href=/x title='a@b.com'>Hello, Ann</a></body></html>"
    )
    with DataSetWriter(tmp_path / "in", Card(name="in", source="jsonl", origin="a test")) as writer:
        page_id = writer.add_page(html)
        writer.add_session(Session("s", "u", (Step(page_id, Action.click("x")),)))
    scrub(tmp_path / "in", tmp_path / "out", key=KEY)
    data = DataSet.open(tmp_path / "out")
    page = data.page(data.session("s").steps[0].page_id)
    assert "a@b.com" not in page.html
    assert "Ann" not in page.html
    assert "x" in page


def test_the_report_shows_shapes_and_places_and_no_value(made: Made, tmp_path: Path) -> None:
    report = scrub(made.data, tmp_path / "out", key=KEY)
    written = (tmp_path / "out" / "scrub.md").read_text()
    assert "xxxxx@xxxxxxx.xxx" in written.lower()
    assert "Hello, NAME_" in written
    assert report.replaced["email"]["typed texts"] == 2
    assert report.replaced["password"]["typed texts"] == 1
    assert len(report.values["email"]) == 1
    card = DataSet.open(tmp_path / "out").card
    assert card.settings["scrub"]["replaced"]["email"]["typed texts"] == 2


def test_earlier_reports_are_scrubbed_too(made: Made, tmp_path: Path) -> None:
    (made.data.path / "ingest.json").write_text('{"noted": {"target": {"examples": ["Hello, Maria Lopez"]}}}')
    (made.data.path / "ingest.md").write_text("| target | maria@example.com |")
    scrub(made.data, tmp_path / "out", key=KEY)
    assert "Maria" not in (tmp_path / "out" / "ingest.json").read_text()
    assert "maria" not in (tmp_path / "out" / "ingest.md").read_text()


def test_unusable_folders_keys_and_rules_are_named(made: Made, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is the data set itself"):
        scrub(made.data, made.data.path)
    with pytest.raises(ConfigError, match="at least 16"):
        scrub(made.data, tmp_path / "out", key=b"short")
    rules = tmp_path / "rules.yaml"
    rules.write_text("patterns: [{kind: email, pattern: '('}]")
    with pytest.raises(ConfigError, match="not a regular expression"):
        scrub(made.data, tmp_path / "out", rules=rules)
    rules.write_text("patterns: [{kind: shoe, pattern: 'x'}]")
    with pytest.raises(ConfigError, match="kind"):
        scrub(made.data, tmp_path / "out", rules=rules)
    with pytest.raises(InputError, match="no such file"):
        scrub(tmp_path / "nothing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rules_of_ones_own_are_added(made: Made, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "cues: {greeting: {pl: ['dzień dobry']}}\n"
        "patterns: [{kind: username, pattern: '(?P<value>EMP-[0-9]{5})'}]\n"
        "fields: [{kind: username, words: {pl: [pesel]}}]\n"
    )
    with DataSetWriter(tmp_path / "in", Card(name="in", source="jsonl", origin="a test")) as writer:
        page_id = writer.add_page("<html><body><input name=pesel><p>Dzień dobry, Kasia!</p></body></html>")
        step = Step(page_id, Action.type_and_submit("pesel", "x1"), rationale="badge EMP-12345")
        writer.add_session(Session("s", "u", (step,)))
    report = scrub(tmp_path / "in", tmp_path / "out", rules=rules, key=KEY)
    session = DataSet.open(tmp_path / "out").session("s")
    assert "Kasia" not in everything(DataSet.open(tmp_path / "out"))
    assert "EMP" not in (session.steps[0].rationale or "")
    assert report.replaced["username"] == {"typed texts": 1, "rationales": 1}


def test_what_a_recorder_saw_beside_a_step_is_scrubbed(tmp_path: Path) -> None:
    seen = {
        "scroll": 20,
        "navigated": ["https://shop.example/a?token=abcdef0123&q=tea"],
        "title": "Hello, Ann",
    }
    with DataSetWriter(tmp_path / "in", Card(name="in", source="record", origin="a test")) as writer:
        page_id = writer.add_page("<html><body><a name=x>x</a></body></html>")
        writer.add_session(Session("s", "u", (Step(page_id, Action.click("x"), context=json.dumps(seen)),)))
    scrub(tmp_path / "in", tmp_path / "out", key=KEY)
    context = json.loads(DataSet.open(tmp_path / "out").session("s").steps[0].context or "")
    assert context["scroll"] == 20
    assert re.fullmatch(r"https://shop.example/a\?token=TOKEN_\w{8}&q=tea", context["navigated"][0])
    assert context["title"].startswith("Hello, NAME_")


def test_a_name_in_the_fields_of_a_persona_is_looked_for_in_its_texts(tmp_path: Path) -> None:
    with DataSetWriter(tmp_path / "in", Card(name="in", source="jsonl", origin="a test")) as writer:
        page_id = writer.add_page("<html><body><a name=x>x</a></body></html>")
        step = Step(page_id, Action.click("x"), rationale="Dana would take the red one.")
        fields = json.dumps({"name": "Dana", "age": 34, "city": "Leeds"})
        writer.add_session(
            Session("s", "u", (step,), persona="Dana, 34, likes Leeds and tea.", persona_fields=fields)
        )
    scrub(tmp_path / "in", tmp_path / "out", key=KEY)
    data = DataSet.open(tmp_path / "out")
    session = data.session("s")
    assert "Dana" not in everything(data)
    assert re.fullmatch(r"NAME_\w{8}, 34, likes Leeds and tea\.", session.persona or "")
    assert (session.steps[0].rationale or "").startswith((session.persona or "")[:13])


def test_who_typed_a_full_name_is_found_by_the_first_name_alone(tmp_path: Path) -> None:
    form = simplify("<html><body><form><label>Full name<input></label></form></body></html>")
    name = form.elements[0].name
    with DataSetWriter(tmp_path / "in", Card(name="in", source="jsonl", origin="a test")) as writer:
        first = writer.add_page(form.html)
        second = writer.add_page(
            "<html><body><p>The cake for tomorrow: Wiebke, red.</p><a name=x>x</a></body></html>"
        )
        steps = (Step(first, Action.type_and_submit(name, "Wiebke Harms")), Step(second, Action.click("x")))
        writer.add_session(Session("s", "u", steps))
    scrub(tmp_path / "in", tmp_path / "out", key=KEY)
    data = DataSet.open(tmp_path / "out")
    assert "Wiebke" not in everything(data)
    assert "The cake for tomorrow: NAME_" in data.page(data.session("s").steps[1].page_id).html
