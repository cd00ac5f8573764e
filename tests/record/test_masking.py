"""Secrets are masked in the page: no byte of one is in the queue, the traffic, or on the collector's disk."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded_browser import close, recorded_browser, study_of, wait_for_recorder
from small_site import small_site
from starlette.requests import Request

from facsim.data import DataSet
from facsim.record.recording import Recording

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

SECRETS = {
    "password": "Tr0ub4dor-und-3",
    "shown password": "Open-Sesame-77",
    "new password": "N3w-Secret-Word",
    "card": "4111 1111 1111 1111",
    "card typed into a comment": "5555-5555-5555-4444",
    "card in a sentence": "6011000990139424",
    "card on the page": "378282246310005",
    "security code": "7391",
    "one-time code": "604913",
    "German one-time code": "815274",
    "private field": "Private Lane 5",
    "field private for the study": "IBAN-note-3917",
    "field in a private part": "diagnosis-x81",
    "text in a private part": "Ms Confidential",
    "label in a private part": "balance-of-9123",
    "hidden input": "hidden-csrf-55ab",
    "token in a link": "tok-9f8e7d",
    "token in the address": "adr-1a2b3c",
    "password in the address": "pw-in-url-9",
    "script": "script-secret-1",
    "data attribute": "attr-secret-2",
    "comment in the source": "comment-secret-3",
    "file name": "medical-report-77",
    "password in a frame": "Frame-Pass-11",
    "password in a closed shadow root": "Shadow-Pass-22",
    "shown password in a shadow root": "Shadow-Shown-33",
    "text of a closed shadow root": "closed-private-4",
}
FRAME = '<!doctype html><title>Frame</title><label>Password <input type="password" id="fp"></label>'
PAGE = f"""<!doctype html><html><head><title>Account</title></head><body data-user="{SECRETS["data attribute"]}">
<!-- {SECRETS["comment in the source"]} --><script>var key = "{SECRETS["script"]}";</script>
<form action="/done" method="get" onsubmit="return false">
<input type="hidden" name="csrf" value="{SECRETS["hidden input"]}">
<label>Password <input type="password" id="password"></label><output id="echo"></output>
<label>Other password <input type="password" id="shown"></label><button type="button" id="show">Show</button>
<label>New <input id="new" autocomplete="new-password"></label>
<label>Number <input id="card" autocomplete="cc-number"></label>
<label>CVV <input id="cvv"></label>
<label>Enter it <input id="otp" autocomplete="one-time-code"></label>
<label>Best&auml;tigungscode <input id="tan"></label>
<label>Street <input id="street" data-private></label>
<label>Note <input id="note" class="study-secret"></label>
<section data-private><label>Finding <input id="finding"></label>
  <p>{SECRETS["text in a private part"]}</p><img alt="{SECRETS["label in a private part"]}"></section>
<label>Comment <textarea id="comment"></textarea></label>
<label>Sentence <input id="sentence"></label>
<label>Name <input id="name"></label><input type="file" id="file">
</form>
<p>Your card {SECRETS["card on the page"]} is saved. Order 1234567890123.</p>
<a href="/done?token={SECRETS["token in a link"]}&page=2">Next</a><button id="go">Go on</button>
<x-open></x-open><iframe src="/frame"></iframe><x-closed style="display: block"></x-closed>
<script>
  password.addEventListener('input', () => {{ echo.textContent = password.value; document.title = password.value;
    password.setAttribute('value', password.value); history.replaceState(null, '', '?q=' + encodeURIComponent(password.value)); }});
  show.addEventListener('click', () => {{ shown.type = 'text'; }});
  customElements.define('x-open', class extends HTMLElement {{ connectedCallback() {{
    this.attachShadow({{mode: 'open'}}).innerHTML = '<input type="password" aria-label="Wi-Fi"><button>Reveal</button>';
    this.shadowRoot.querySelector('button').onclick = () => {{ this.shadowRoot.querySelector('input').type = 'text'; }};
  }} }});
  customElements.define('x-closed', class extends HTMLElement {{ connectedCallback() {{
    this.attachShadow({{mode: 'closed'}}).innerHTML = '<label>Password <input type="password"></label>' +
      '<p class="ph-no-capture">{SECRETS["text of a closed shadow root"]}</p>'; }} }});
</script></body></html>"""


def test_no_byte_of_a_secret_leaves_the_page(
    playwright: Playwright, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traffic: list[bytes] = []
    stream = Request.stream

    async def teed(self: Request) -> AsyncIterator[bytes]:
        async for part in stream(self):
            traffic.append(part)
            yield part

    monkeypatch.setattr(Request, "stream", teed)
    upload = tmp_path / f"{SECRETS['file name']}.pdf"
    upload.write_text("x")
    with small_site({"/": PAGE, "/frame": FRAME, "/done": "<title>Done</title><h1>Done</h1>"}) as site:
        recording = Recording(
            study_of(site.address, private=(".study-secret", "p:::wrong")), tmp_path / "data"
        )
        with (
            recording.collector(0) as port,
            recorded_browser(playwright, recording, port, tmp_path / "profile") as browser,
        ):
            browser.consent()
            address = f"{site.address}/?access_token={SECRETS['token in the address']}&password={SECRETS['password in the address']}&lang=en"
            page = browser.open(address)
            for field, secret in [
                ("#password", "password"), ("#shown", "shown password"), ("#new", "new password"), ("#card", "card"),
                ("#cvv", "security code"), ("#otp", "one-time code"), ("#tan", "German one-time code"),
                ("#street", "private field"), ("#note", "field private for the study"),
                ("#finding", "field in a private part"), ("#sentence", "card in a sentence"), ("#comment", "card typed into a comment"),
            ]:  # fmt: skip
                page.click(field)
                text = f"My card is {SECRETS[secret]}, please" if field == "#sentence" else SECRETS[secret]
                page.keyboard.type(text)
                if field == "#shown":
                    page.click("#show")
                    page.click(field)
                    page.keyboard.type("!")
            page.get_by_role("button", name="Reveal").click()
            page.get_by_label("Wi-Fi").click()
            page.keyboard.type(SECRETS["shown password in a shadow root"])
            page.frame_locator("iframe").locator("#fp").click()
            page.keyboard.type(SECRETS["password in a frame"])
            page.locator("x-closed").click(position={"x": 120, "y": 12})
            page.keyboard.type(SECRETS["password in a closed shadow root"])
            page.set_input_files("#file", upload)
            page.click("#name")
            page.keyboard.type("Ada")
            page.click("#go")
            page.get_by_role("link", name="Next").click()
            page.wait_for_url("**/done**")
            wait_for_recorder(page)
            close(page)
            browser.wait_until_delivered()
            queue = browser.in_worker("async () => JSON.stringify(await chrome.storage.local.get(null))")
            database = recording.store._db
            assert recording.write() is not None
        stored = b"\n".join(zlib.decompress(html) for (html,) in database.execute("SELECT html FROM pages"))
        files = b"\n".join(file.read_bytes() for file in recording.folder.iterdir() if file.is_file())
        recording.store.close()
    data = DataSet.open(tmp_path / "data")
    pages = "\n".join(html for _, html in data._pages.scan()) if hasattr(data, "_pages") else ""
    left = b"\n".join([b"".join(traffic), stored, files, queue.encode(), pages.encode()])
    assert b"Your card" in left  # the search looks at the right bytes
    assert b"1234567890123" in left  # not every long number is a card
    variants = {
        name: {secret, secret.replace(" ", "").replace("-", ""), json.dumps(secret)[1:-1]}
        for name, secret in SECRETS.items()
    }
    leaked = [name for name, forms in variants.items() if any(form.encode() in left for form in forms)]
    assert leaked == []

    (session,) = data
    typed = {
        data.page(step.page_id).by_name[step.action.name].text: step.action.text
        for step in session.steps
        if step.action.text
    }
    assert typed == {
        "Password": "***", "Other password": "***", "New": "***", "Number": "***", "CVV": "***", "Enter it": "***",
        "Bestätigungscode": "***", "Street": "***", "Note": "***", "***": "***", "Sentence": "***", "Comment": "***", "Wi-Fi": "***", "Name": "Ada",
    }  # fmt: skip
    assert session.steps[0].url.endswith("?access_token=***&password=***&lang=en")
    assert data.card.settings["typed texts masked"] >= 12
