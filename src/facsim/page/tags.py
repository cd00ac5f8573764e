"""The sets of HTML tags that the rules speak of, in one place."""

from __future__ import annotations


def _set(tags: str) -> frozenset[str]:
    return frozenset(tags.split())


VOID = _set(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"
)
"""Have no content and no end tag."""

UNSEEN = _set("script style template noscript iframe noembed noframes xmp plaintext")
"""Nobody sees what is in these (in a browser with scripts), and it is not escaped when written."""

CLOSED_BY_THE_NEXT = VOID | _set(
    "a button h1 h2 h3 h4 h5 h6 p li option optgroup dd dt tr td th tbody thead tfoot"
)
"""Do not nest in themselves without something between."""

FOREIGN = _set("svg math")
"""Drawings and formulas: what is in them has rules of its own."""

HOLDS_HTML = _set("foreignobject desc title mi mo mn ms mtext annotation-xml")
"""In these elements of drawings and formulas is HTML again."""

INLINE = _set(
    "abbr b bdi bdo big cite code data del dfn em font i ins kbd label mark q ruby s samp small span strong "
    "sub sup time tt u var wbr"
)
"""Text on both sides of their edges runs together; all other tags part words."""

FLOWING = INLINE | _set("a area button input select option textarea img svg")
"""Stand in a line of text; all others begin a line of their own."""

KEPT = _set(
    "h1 h2 h3 h4 h5 h6 p ul ol li dl dt dd table caption thead tbody tfoot tr th td form fieldset legend nav "
    "header footer main section article aside figure figcaption details optgroup blockquote pre del s "
    "address dialog"
)
"""Tell structure or meaning. All others that are not named are replaced by what is in them."""

CELLS = _set("td th")
"""Tell something even when empty: the column of the next one."""

CONTROLS = _set("input select textarea")
"""What a `label` labels."""

ACTIONABLE = CONTROLS | _set("button summary option")
"""A person can act on these whatever their attributes."""

SHADOW_ROOT = "facsim-shadow"
"""Stands for a shadow root in the tree."""

MOVED = "data-facsim-moved"
"""On what was moved into a slot: its place in the host among the children with its tag."""

WHOLE_PAGE = _set(f"html body frameset head title iframe slot {SHADOW_ROOT}")
"""Never elements to act on, even when they listen for clicks, and never written."""

NOWHERE_ELSE = WHOLE_PAGE | _set("base col colgroup frame link map meta param")
"""Never elements to act on, whatever they or a recipe say: parsers lose these outside of their
places, or their `name` means something else."""
