"""Texts that try to run, to load, or to break out of where they are shown; and a browser that tells if one did."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HUGE = "x" * 200_000
PAYLOADS = (
    "<script>document.title='PWNED'</script>",
    "</td></tr></table><script>document.title='PWNED'</script>",
    "</script><script>document.title='PWNED'</script>",
    "</style></title></textarea></noscript><img src=x onerror=\"document.title='PWNED'\">",
    "<img src=https://evil.example/p.png onerror=\"document.title='PWNED'\">",
    "<svg onload=\"document.title='PWNED'\"><use href=https://evil.example/u.svg#a></svg>",
    "<svg><script href=https://evil.example/s.js></script></svg>",
    "<iframe srcdoc=\"<script>parent.document.title='PWNED'</script>\"></iframe>",
    "<iframe src=https://evil.example/frame></iframe>",
    "<object data=https://evil.example/o></object><embed src=https://evil.example/e>",
    "<link rel=stylesheet href=https://evil.example/c.css>",
    "<style>@import 'https://evil.example/i.css'; *{display:none!important}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example/><button autofocus onfocus=\"document.title='PWNED'\">",
    "<a href=\"javascript:document.title='PWNED'\" autofocus>go</a>",
    "<video src=https://evil.example/v onerror=\"document.title='PWNED'\"><source src=https://evil.example/w>",
    "<details open ontoggle=\"document.title='PWNED'\">",
    "<input autofocus onfocus=\"document.title='PWNED'\">",
    "<marquee onstart=\"document.title='PWNED'\">",
    "<math><mi//xlink:href=\"javascript:document.title='PWNED'\">",
    "<!--><img src=x onerror=\"document.title='PWNED'\">-->",
    "<![CDATA[<script>document.title='PWNED'</script>]]>",
    '" onmouseover="document.title=\'PWNED\'" style="position:fixed;inset:0',
    "' autofocus onfocus='document.title=\"PWNED\"' x='",
    '" style="background:url(https://evil.example/b.png)',
    "`${document.title='PWNED'}`",
    "{{ ''.__class__.__mro__ }}{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "{{constructor.constructor('document.title=\"PWNED\"')()}}",
    "#{7*7} <%= 7*7 %> ${7*7} {0.__class__} %(x)s %s {x!r}",
    "javascript:document.title='PWNED'",
    "data:text/html,<script>document.title='PWNED'</script>",
    "&lt;script&gt;document.title='PWNED'&lt;/script&gt;",
    "&#60;script&#62;document.title='PWNED'&#60;/script&#62;",
    "$\\href{javascript:document.title='PWNED'}{x}$ $$\\unicode{x}$$",
    "[click](javascript:document.title='PWNED') ![x](https://evil.example/m.png)",
    "\u202eRTL override \u202c\u2067isolated\u2069 \u200f",
    "\x1b[2J\x1b[31mred\x1b]0;PWNED\x07\x1b]8;;https://evil.example/\x07link\x1b]8;;\x07",
    "\x9b31m C1 \x9d0;PWNED\x9c \x08\x08\x08 \r overwritten",
    "[bold red]markup[/bold red] [link=https://evil.example]x[/link] [/]",
    ":warning: :boom:",
    "lone \ud800 surrogate",
    "nul \x00 in the middle",
    "zalgo " + "e" + "\u0301" * 200,
    "line\u2028separator\u2029paragraph\nnew\ttab",
    "|pipe|\\|`code`*bold*_it_~~x~~",
    "\ufeffbom \ufffeno char \U000e0041tag",
    '=HYPERLINK("https://evil.example","x")',
    "../../../../etc/passwd%00?<>&\"'",
    HUGE,
)


def render(browser: Browser, html: str, *, width: int = 900) -> tuple[object, list[str]]:
    """A page with this body in Chromium, and every address that it tried to load. Fails if a payload ran."""
    page = browser.new_page(viewport={"width": width, "height": 700})
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.on("dialog", lambda dialog: (loaded.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.route("**/*", lambda route: route.abort())
    page.set_content(f"<meta charset=utf-8><title>still mine</title><body>{html}<p id=end>end</p>")
    page.mouse.move(200, 200)
    page.wait_for_timeout(200)
    assert page.title() == "still mine"
    assert page.locator("#end").inner_text() == "end"
    return page, loaded
