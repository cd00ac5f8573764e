"""Templates rendered in cacheable fragments; each records the actions it registers while rendering."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from zlib import crc32

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from jinja2.runtime import Context
from markupsafe import Markup
from markupsafe import escape as as_markup

from facsim.shop.storefront.formatting import money, thousands
from facsim.shop.storefront.views import PageAction

_HERE = Path(__file__).parent
_CLASSES = re.compile(r'(?<= class=")[a-z0-9 -]+(?=")')
_SPECIAL = re.compile("[&<>\"']")
_SELECTOR = re.compile(r"\.([a-z][a-z0-9-]*)(?=[^{}]*\{)")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a page and its actions, in document order."""

    html: str
    actions: tuple[PageAction, ...] = ()


class _Written(str):
    """Markup that is not escaped again; creating a `Markup` takes five times as long."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


_SUBMIT, _SEARCH = _Written('type="submit"'), _Written('type="search"')


class TemplateHelpers:
    """Functions for templates that write actions and fragments. Records the actions in document order."""

    def __init__(self) -> None:
        self.actions: list[PageAction] = []

    def at(self, action: PageAction, href: str = "") -> str:
        """Register an action.

        Args:
            action: the action of the element.
            href: the link target if it is not the action's address, e.g. `#content` within a page.

        Returns:
            The HTML attributes of the element.
        """
        self.actions.append(action)
        if action.method == "post":
            return _SUBMIT
        if action.kind == "search":
            return _SUBMIT if action.part == "button" else _SEARCH
        current = ' aria-current="true"' if action.selected else ""
        return _Written(f'href="{escape(href or action.address)}"{current}')

    def put(self, fragment: Fragment) -> str:
        """Insert a fragment that was rendered before."""
        self.actions.extend(fragment.actions)
        return _Written(fragment.html)


class Renderer:
    """Renders the templates of one design.

    Class names get a hash suffix that depends on the design, as a CSS bundler would add, so they differ
    between designs.
    """

    def __init__(self, design: str) -> None:
        self._design = design
        self._environment = _Environment(
            loader=_Loader(self),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(money=money, thousands=thousands)

    def render(self, template: str, **values: object) -> Fragment:
        """Render a template."""
        sheet = TemplateHelpers()
        html = self._environment.get_template(template).render(values, at=sheet.at, put=sheet.put)
        return Fragment(html, tuple(sheet.actions))

    def bundled(self, source: str) -> str:
        """Add the design's hash suffix to the class names in a template."""
        return _CLASSES.sub(lambda found: " ".join(map(self._class, found[0].split())), source)

    def style(self) -> str:
        """The shop's style sheet."""
        return _SELECTOR.sub(lambda found: f".{self._class(found[1])}", _read("static/shop.css"))

    def _class(self, name: str) -> str:
        return f"{name}_{crc32(f'{self._design}/{name}'.encode()):08x}"[: len(name) + 6]


def escaped(value: object) -> str:
    """Escape like markupsafe but much faster: most texts contain nothing to escape."""
    if type(value) is str and not _SPECIAL.search(value):
        return value
    if isinstance(value, (_Written, Markup)):
        return value
    return as_markup(value)


class _Generator(CodeGenerator):
    """Compiles templates to code that escapes every value by `escaped`."""

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: object) -> None:  # noqa: ARG002
        self.write("environment.escaped(")


class _Context(Context):
    """Calls functions directly: no template function needs a context."""

    def call(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> object:
        kwargs.pop("_loop_vars", None)
        kwargs.pop("_block_vars", None)
        return function(*args, **kwargs)


class _Environment(Environment):
    """Jinja environment with less overhead for each of the hundreds of values on a page."""

    code_generator_class = _Generator
    context_class = _Context
    escaped = staticmethod(escaped)


class _Loader(BaseLoader):
    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def get_source(self, environment: Environment, template: str) -> tuple[str, None, None]:  # noqa: ARG002
        try:
            return self._renderer.bundled(_read(f"templates/{template}")), None, None
        except FileNotFoundError:
            raise TemplateNotFound(template) from None


@cache
def _read(path: str) -> str:
    return (_HERE / path).read_text(encoding="utf-8")
