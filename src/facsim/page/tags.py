"""Sets of HTML tags used by the rules."""

from __future__ import annotations


def _set(tags: str) -> frozenset[str]:
    return frozenset(tags.split())


VOID = _set(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"
)
"""Void elements: no content and no end tag."""

UNSEEN = _set("script style template noscript iframe noembed noframes xmp plaintext")
"""Raw text elements: their content is invisible (with scripts enabled) and not escaped when written."""

CLOSED_BY_THE_NEXT = VOID | _set(
    "a button h1 h2 h3 h4 h5 h6 p li option optgroup dd dt tr td th tbody thead tfoot"
)
"""Elements that cannot nest in themselves directly."""

FOREIGN = _set("svg math")
"""SVG and MathML: their content follows its own parsing rules."""

HOLDS_HTML = _set("foreignobject desc title mi mo mn ms mtext annotation-xml")
"""SVG and MathML elements whose content is HTML again."""

INLINE = _set(
    "abbr b bdi bdo big cite code data del dfn em font i ins kbd label mark q ruby s samp small span strong "
    "sub sup time tt u var wbr"
)
"""Text runs together across the edges of these; all other tags separate words."""

FLOWING = INLINE | _set("a area button input select option textarea img svg")
"""Inline elements; all others start a new line."""

KEPT = _set(
    "h1 h2 h3 h4 h5 h6 p ul ol li dl dt dd table caption thead tbody tfoot tr th td form fieldset legend nav "
    "header footer main section article aside figure figcaption details optgroup blockquote pre del s "
    "address dialog"
)
"""Tags that carry structure or meaning. Other unnamed elements are replaced by their content."""

HEADINGS = {f"h{rank}": rank for rank in range(1, 7)}
"""Headings and their ranks."""

CELLS = _set("td th")
"""Meaningful even when empty: they determine the column of the next cell."""

CONTROLS = _set("input select textarea")
"""Elements that a `label` can label."""

ACTIONABLE = CONTROLS | _set("button summary option")
"""Interactive whatever their attributes."""

SHADOW_ROOT = "facsim-shadow"
"""Tag that represents a shadow root in the tree."""

MOVED = "data-facsim-moved"
"""Attribute of nodes moved into a slot: their position among the host's children with the same tag."""

WHOLE_PAGE = _set(f"html body frameset head title iframe slot {SHADOW_ROOT}")
"""Never interactive, even if they have click listeners, and never written."""

NOWHERE_ELSE = WHOLE_PAGE | _set("base col colgroup frame link map meta param")
"""Never interactive, whatever they or a recipe say: parsers drop them outside their proper place,
or their `name` has another meaning."""
