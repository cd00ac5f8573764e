"""Recognizes what places an order or pays, from the words of a button or the address of a form.

Outside loopback such a button is never pressed, unless the user allows it for the host. Patterns err on the
side of caution: a session may end one step early, money must not be spent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from facsim.schema import Action, Element

_ORDER: Final = re.compile(
    r"\b(place|submit|complete|confirm|finali[sz]e)\s+(\w+\s+){0,2}(order|purchase|payment|booking)\b"
    r"|\b(confirm|agree)\s+(and|&)\s+(pay|order|buy)\b|\border\s+(and|&)\s+pay\b"
    r"|\bpay\s+(now\b|with\b|by\b|[$€£¥]|\d)|^\s*pay\s*$|\border\s+now\b"
    r"|\b(zahlungspflichtig|kostenpflichtig)\s+bestellen\b|\bjetzt\s+(kaufen|bestellen|bezahlen)\b"
    r"|\bbestellung\s+(abschicken|abschließen|aufgeben)\b"
    r"|\b(passer|valider|confirmer)\s+(la|ma|votre)\s+commande\b|^\s*payer\b"
    r"|\b(realizar|confirmar|finalizar)\s+(el\s+|la\s+|mi\s+)?(pedido|compra|pago)\b|^\s*pagar\b"
    r"|\b(effettua|conferma|completa)\s+(l.)?(ordine|acquisto|pagamento)\b|\bpaga\s+ora\b"
    r"|\b(bestelling\s+plaatsen|nu\s+betalen|afrekenen\s+en\s+betalen)\b"
    r"|注文を確定|購入を確定|支付|提交订单|立即购买",
    re.IGNORECASE | re.MULTILINE,
)
_ONE_CLICK: Final = re.compile(
    r"\bbuy\s+(it\s+)?now\b|\b(1|one)[- ]click\b|\bexpress\s+checkout\b", re.IGNORECASE
)
_ADDRESS: Final = re.compile(
    r"(place|submit|complete|confirm|create|process)[-_]?(your[-_]?)?(order|purchase|payment|checkout)"
    r"|/orders?/?$|/pay(ments?)?/?(confirm|submit|execute|process|complete)?/?$"
    r"|/checkout/(complete|confirm|confirmation|submit|process|place|finish)",
    re.IGNORECASE,
)


def places_order(element: Element) -> bool:
    """Whether clicking an element places an order, by its text.

    >>> button = lambda text: Element("x", "button", "button", text)
    >>> [places_order(button(text)) for text in ("Place order", "Pay $12.99", "Checkout", "Buy now")]
    [True, True, False, False]
    """
    return _presses(element) and bool(_ORDER.search(_words(element)))


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form that an action submits.

    Attributes:
        address: where it goes.
        method: `get` or `post`.
        buttons: the words of its submit buttons.
    """

    address: str
    method: str
    buttons: tuple[str, ...]


def pays(action: Action, element: Element, form: SubmittedForm | None) -> bool:
    """Whether an action might place an order or pay.

    Args:
        action: what is done.
        element: its element.
        form: the form that it submits, if any.
    """
    if action.text is None and _presses(element):
        words = _words(element)
        if _ORDER.search(words) or _ONE_CLICK.search(words):
            return True
    if form is None:
        return False
    if form.method == "post" and pays_by_address(form.address.partition("?")[0]):
        return True
    # Enter presses the form's button.
    return action.text is not None and any(
        _ORDER.search(words) or _ONE_CLICK.search(words) for words in form.buttons
    )


def pays_by_address(path: str) -> bool:
    """Whether submitting a form to this path might pay.

    >>> pays_by_address("/checkout/confirm"), pays_by_address("/cart/add")
    (True, False)
    """
    return bool(_ADDRESS.search(path))


def _presses(element: Element) -> bool:
    return element.role in ("button", "link") or element.tag in ("button", "input")


def _words(element: Element) -> str:
    name = element.name.rpartition(".")[2].replace("_", " ")
    return f"{element.text or element.value or ''}\n{name}"
