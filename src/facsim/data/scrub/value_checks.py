"""Checks of what a pattern found: check digits, which come from python-stdnum, dates, codes and streets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

from stdnum import iban, luhn
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.us import ssn

from facsim.data.scrub import name_checks, phone_checks
from facsim.data.scrub.candidate import DATE, Candidate, digits_of

# Visa, Mastercard, American Express, Diners, JCB, Discover and UnionPay, Maestro.
_CARD = re.compile(
    r"4\d{15}(?:\d{3})?|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|35\d{14}|6\d{15,18}|5[06-9]\d{14,17}"
)
_STREET_WORDS = frozenset(
    {"weg", "platz", "gasse", "ring", "damm", "ufer", "markt", "berg", "graben", "stieg"}
)
_STREET_WORDS |= {"hof", "park", "feld", "garten", "wall", "kamp", "pfad", "promenade", "brücke", "deich"}
_BEFORE_STREETS = frozenset(["Am", "An", "Auf", "Im", "In", "Unter", "Zum", "Zur", "Hinter", "Vor"])
_WORD = re.compile(r"[^\W\d_]{2,}")
_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]", re.IGNORECASE)


_ROLES = re.compile(
    r"info|support|services?|help(?:desk)?|hello|contacts?|kontakt|kunden(?:service|dienst)|(?:no|do-?not)-?reply|sales|orders?"
    r"|returns?|newsletter|press[ea]?|prensa|stampa|privacy|datenschutz|contacto|atencion|client[ei]s?|assistenza|aide|rgpd|gdpr"
    r"|dpo|(?:customer[.-]?)?care|customer[.-]?service|service[.-]?client|billing|office|shop|store|team|feedback|jobs|careers"
    r"|webmaster|postmaster|admin|marketing|retouren|versand|bestellung(?:en)?|rechnung(?:en)?|commandes?|pedidos?|ordini|ventas"
    r"|hilfe|ayuda|soporte|supporto|reklamation|enquir(?:y|ies)|inquiries|reservations?|bookings?"
)
_ENDINGS_OF_FILES = frozenset(
    ["png", "jpg", "jpeg", "webp", "gif", "svg", "avif", "css", "js", "pdf", "html", "php"]
)


def _email(found: Candidate) -> bool:
    """An address of a person: not of a shop's service, and not a file such as `logo@2x.png`."""
    local, _, host = found.value.casefold().partition("@")
    return _ROLES.fullmatch(local) is None and host.rpartition(".")[2] not in _ENDINGS_OF_FILES


def _iban(found: Candidate) -> bool:
    return bool(iban.is_valid(found.value))


def _card(found: Candidate) -> bool:
    """The Luhn check, and the length of an issuer's numbers. The same digit throughout is no card."""
    digits = digits_of(found.value)
    return bool(_CARD.fullmatch(digits)) and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def _ip_address(found: Candidate) -> bool:
    """Addresses on the internet; those of a home network, a loopback or a netmask are no one's."""
    try:
        address = ipaddress.ip_address(found.value)
    except ValueError:
        return False
    if address.version == 4 and (found.value.startswith(("0.", "255.")) or found.value.count(".0") > 2):
        return False
    is_local = address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local
    return not is_local and not any(
        address in network for network in _HOME if network.version == address.version
    )


_HOME = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def _us_ssn(found: Candidate) -> bool:
    return bool(ssn.is_valid(found.value))


def _gb_nino(found: Candidate) -> bool:
    return _NINO.fullmatch(found.value.replace(" ", "")) is not None


def _fr_nir(found: Candidate) -> bool:
    return bool(nir.is_valid(found.value))


def _es_id(found: Candidate) -> bool:
    return bool(dni.is_valid(found.value)) or bool(nie.is_valid(found.value))


def _it_codice_fiscale(found: Candidate) -> bool:
    return bool(codicefiscale.is_valid(found.value))


_AMOUNT = re.compile(r"\d [gGlLmMWVkKxX]$|\d [gGlLmMWVkKxX],")


def _street(found: Candidate) -> bool:
    """A German street: `Birkenweg 9`, `Hamburger Ring 12`, `Am Markt 5`; not `Weg 3` or `Modell Ring 12`."""
    words = _WORD.findall(found.value.split("\n")[0])
    if not words or not found.value[0].isupper():
        return False
    if words[0].casefold() in _STREET_WORDS:
        return False
    if _AMOUNT.search(found.value.split("\n")[0]):
        return False
    is_bare = len(words) > 1 and words[1].casefold() in _STREET_WORDS
    return not is_bare or words[0].endswith("er") or words[0] in _BEFORE_STREETS


def _italian_street(found: Candidate) -> bool:
    """A street with a house number: no year."""
    return re.search(r"\b(?:19|20)\d\d$", found.value) is None


def _house_number(found: Candidate) -> bool:
    """A number before a word that is counted is no house."""
    words = _WORD.findall(found.value.casefold())
    return bool(words) and found.not_streets.isdisjoint(words[:1])


_NO_BIRTH = re.compile(
    r"(?i:order|deliver|ship|valid|until|expir|offer|sale\b|bestell|liefer|gültig|bis\b|commande|livr|valable|jusqu|pedido|entrega"
    r"|válid|hasta|ordin|consegn|valid|entro|arriv|before|within|by\b)"
)


def _birth(found: Candidate) -> bool:
    """A date near a word of birth: not the day when a birthday card comes."""
    return _NO_BIRTH.search(found.match.replace(found.value, " ")) is None


_NO_SECRET = re.compile(
    r"(?i:\b(?:promo\w*|coupon|discount|voucher|gift|gutschein\w*|rabatt\w*|remise|réduction|cadeau|cupón|descuento|regalo|sconto"
    r"|buono|zip|post\w*|plz|cap|product|item|article|artikel\w*|produit|producto|prodotto|articolo|style|error|fehler\w*|qr"
    r"|ean|gtin|sku|country|area|colou?r|model|order|bestell\w*|commande|pedido|ordine|invoice|rechnung\w*|facture|factura"
    r"|fattura|tracking|sendung\w*|suivi|seguimiento|referral|save|off)\b)"
)
_YEAR = re.compile(r"(?:19|20)\d\d")


def _one_time_code(found: Candidate) -> bool:
    """A code that was sent to someone; not one of a discount, a product or an order, and not a year."""
    return _NO_SECRET.search(found.match) is None and _YEAR.fullmatch(found.value) is None


def _secret(found: Candidate) -> bool:
    """A password beside its label: not a date, an amount or an address."""
    value = found.value
    is_plain = (
        value.isalpha()
        or DATE.fullmatch(value) is not None
        or "://" in value
        or "." in value.partition("@")[2]
    )
    is_word = value.strip(".,:;!?)-").isalpha() and "-" not in value.strip("-")
    return (
        not is_plain
        and not is_word
        and any(map(str.isalpha, value))
        and _NO_SECRET.search(found.match) is None
    )


_COUNTED = re.compile(
    r"(?i:stück|lumen|artikel|produkte?|bewertungen|sterne|punkte|seiten|watt|produits|articles|avis|points|pages|productos|artículos"
    r"|opiniones|puntos|páginas|prodotti|articoli|recensioni|punti|pagine|products|items|reviews|ratings|points|pages|results|mah|btu|rpm)\b"
)


def _town_line(found: Candidate) -> bool:
    """A postcode and a town: no number of things."""
    return _COUNTED.search(found.value) is None and _house_number(found)


_NO_ADDRESS = re.compile(
    r"(?i:\b(?:\d+ ?[-\u2013] ?\d+ (?:days|working|business|tage|werktage|jours|días|giorni)|days?"
    r"|tagen?|werktage|jours?|días|giorni"
    r"|hours?|stunden|heures|horas|ore|uhr|jan\w*|feb\w*|märz|april|june|july|aug\w*|sept\w*|okto\w*|nov\w*|de[cz]\w*|kg|cm|mm|ml"
    r"|items?|artikel|articles|artículos|articoli)\b)|\d[:h]\d\d|[€$£%@]|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{8,}"
)


def _labelled_address(found: Candidate) -> bool:
    """What follows a label of an address: words and a number, and no time or amount."""
    value = found.value
    return (
        len(_WORD.findall(value)) >= 1 and any(map(str.isupper, value)) and _NO_ADDRESS.search(value) is None
    )


CHECKS: Mapping[str, Callable[[Candidate], bool]] = {
    "email": _email,
    "iban": _iban,
    "card": _card,
    "ip_address": _ip_address,
    "us_ssn": _us_ssn,
    "gb_nino": _gb_nino,
    "fr_nir": _fr_nir,
    "es_id": _es_id,
    "it_codice_fiscale": _it_codice_fiscale,
    "phone_by_label": phone_checks.phone_by_label,
    "phone_international": phone_checks.phone_international,
    "phone_national": phone_checks.phone_national,
    "phone_near_cue": phone_checks.phone_near_cue,
    "italian_street": _italian_street,
    "person": name_checks.person,
    "greeted": name_checks.greeted,
    "introduced": name_checks.introduced,
    "labelled_name": name_checks.labelled_name,
    "told": name_checks.told,
    "called": name_checks.called,
    "capitals_within": name_checks.capitals_within,
    "family_first": name_checks.family_first,
    "handle": name_checks.handle,
    "titled": name_checks.titled,
    "recipient": name_checks.recipient,
    "username": name_checks.username,
    "street": _street,
    "house_number": _house_number,
    "town_line": _town_line,
    "birth": _birth,
    "one_time_code": _one_time_code,
    "secret": _secret,
    "labelled_address": _labelled_address,
}
"""What the key `check` of a pattern may name."""
