"""What class names tell: icons of known sets, the screen that a part of a page is for, a button's function.

Only words that many sites use in one sense count; other class names are never read.
"""

from __future__ import annotations

import re

ICON = "data-facsim-icon"
"""The icon that an element shows, by the class names of widely used icon sets."""
_ICON = re.compile(
    r"(?:^| )(?:fa|bi|mdi|ri|ti|la|lucide|glyphicon|octicon|feather|tabler-icon|ph|fi|icon)-"
    r"(?!(?:fw|lg|xs|sm|xl|\dx|spin|pulse|solid|regular|light|thin|brands|duotone|stack|inverse|rotate-\d+|flip"
    r"|border|pull-left|pull-right|ul|li|bar|icon|button|btn|link|wrapper|container|left|right)(?: |$))"
    r"([a-z][a-z-]{0,30}[a-z]|x)(?: |$)"
)
_SET_AND_ICON = re.compile(
    r"(?:^| )(?:fa[srlb]?|glyphicon) (?!fa-|glyphicon-)([a-z][a-z-]{0,30}[a-z])(?= |$)"
)
_LONGEST_ICON = 80
VARIANT = "data-facsim-variant"
"""The kind of screen that a part of the page is for, and where it is, if its class names say so."""
SCREENS = frozenset({"mobile", "desktop"})
_LONGEST = 200
_MAY_BE_VARIANT = re.compile(
    "mobile|desktop|hidden|hide-|visible|show-|none|footer|header|sidebar|top|bottom"
)
_IS_VARIANT = re.compile(
    r"(?:^| )(?!js-)(?:[\w-]*?(?:(?<![a-z])(?P<mobile>mobile)|(?<![a-z])(?P<desktop>desktop))(?![a-z])"
    r"|(?P<small>(?:uk-)?visible-(?:xs|phone|small)|hidden-(?:sm|md|lg)-up|show-for-small(?:-only|-down)?"
    r"|hide-for-(?:medium|large)(?:-up)?|(?:d-)?(?:sm|md|lg)[-:](?:none|hidden))(?= |$)"
    r"|(?P<large>(?:uk-)?hidden-(?:xs|phone|small)|hidden-(?:xs|sm)-down|hide-for-small(?:-only|-down)?"
    r"|show-for-(?:medium|large)(?:-up)?|(?:d-none|hidden) (?:d-)?(?:sm|md|lg)[-:](?:block|flex))(?= |$))"
)
_IS_PLACE = re.compile(
    r"(?:^| )[\w-]*?(?<![a-z])(?:(footer|header|sidebar)(?![a-z])"
    r"|(?<!margin-)(?<!padding-)(?<!border-)(?<!align-)(?<!to-)(?<!scroll-)(top|bottom)(?= |$))"
)
_NOWHERE = re.compile(r'(?:^| )href="(?:#"|javascript:)')
_CLASS = re.compile(r'(?:^| )class="([^"]{1,200})')
FUNCTION = "data-facsim-function"
"""What a button without text is for, if its class names say so."""
_FUNCTION = re.compile(
    r"(?<![a-z])(search|cart|basket|menu|close|toggle|next|prev(?:ious)?|play|pause|share|compare|wishlist"
    r"|favou?rites?|delete|remove|edit|print|zoom|filter|dropdown|expand|collapse|minus|plus)(?![a-z])"
)


def read_class(value: str) -> dict[str, str]:
    """What class names tell, as attributes."""
    found: dict[str, str] = {}
    if len(value) <= _LONGEST_ICON:
        icon = _ICON.search(value) if "-" in value else None
        icon = icon or (_SET_AND_ICON.search(value) if " " in value else None)
        if icon:
            found[ICON] = icon[1]
    if _MAY_BE_VARIANT.search(value) and (variant := variant_of(value)):
        found[VARIANT] = variant
    return found


def variant_of(words: str) -> str:
    """What class names or an id say of a part of the page: its kind of screen, its place, both, or nothing.

    >>> variant_of("nav--mobile"), variant_of("toolbar-bottom"), variant_of("header-desktop"), variant_of("")
    ('mobile', 'bottom', 'desktop header', '')
    """
    words = words[:_LONGEST]
    screen, place = _IS_VARIANT.search(words), _IS_PLACE.search(words)
    found = [] if screen is None else ["mobile" if screen["mobile"] or screen["small"] else "desktop"]
    return " ".join(found if place is None else [*found, place[1] or place[2]])


def function_of(tag: str, written: str) -> str:
    """What a button is for (`cart`, `menu`), by the class names among its attributes; or an empty string.

    Links that lead nowhere are buttons, too.
    """
    if tag == "a" and not _NOWHERE.search(written):
        return ""
    classes = _CLASS.search(written)
    found = _FUNCTION.search(classes[1]) if classes else None
    return found[1] if found else ""
