# ruff: noqa: D103, E501
"""Content for a pretix box office: an organizer, two events with products, add-ons, questions and orders.

Runs inside `python -m pretix shell`, which has made the settings.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django_scopes import scopes_disabled
from pretix.base.models import Event, Organizer, Team, User

START = datetime(2031, 6, 1, 18, 0, tzinfo=UTC)
PRODUCTS = {
    "Tickets": [("Regular", 49), ("Student", 25), ("Supporter", 99), ("Child (under 12)", 0)],
    "Workshops": [("Brewing coffee", 35), ("Knife sharpening", 42), ("Bread in a day", 60)],
    "Goods": [("T-shirt", 18), ("Tote bag", 9), ("Enamel mug", 12), ("Poster", 7)],
}


def event(organizer, name, slug, days):
    made = Event.objects.create(
        organizer=organizer, name=name, slug=slug, currency="EUR", live=True,
        date_from=START + timedelta(days=days), location="Town Hall, 1 Mill Lane, York",
        plugins="pretix.plugins.banktransfer,pretix.plugins.sendmail,pretix.plugins.ticketoutputpdf",
    )  # fmt: skip
    made.settings.set("payment_banktransfer__enabled", True)
    made.settings.set("payment_banktransfer_bank_details_type", "other")
    made.settings.set("payment_banktransfer_bank_details", "Account 1")
    made.settings.set("payment_banktransfer_ack", True)
    made.settings.set("attendee_names_asked", True)
    made.settings.set("attendee_emails_asked", True)
    made.settings.set("invoice_address_asked", True)
    made.settings.set("frontpage_text", "Two days of good tools and good food.")
    for place, (category_name, products) in enumerate(PRODUCTS.items()):
        category = made.categories.create(name=category_name, position=place)
        for position, (product_name, price) in enumerate(products):
            product = made.items.create(
                name=product_name, category=category, default_price=Decimal(price), position=position, active=True,
                description=f"{product_name}: what you need to know, in a sentence or two.", max_per_order=6,
                admission=category_name == "Tickets",
                personalized=category_name == "Tickets",
            )  # fmt: skip
            quota = made.quotas.create(name=product_name, size=0 if product_name == "Poster" else 100)
            quota.items.add(product)
            if product_name == "T-shirt":
                for size in ("S", "M", "L", "XL"):
                    quota.variations.add(product.variations.create(value=size))
    question = made.questions.create(question="Any allergies?", type="S", required=False)
    question.items.add(*made.items.filter(category__name="Workshops"))
    meal = made.questions.create(question="Which meal?", type="C", required=True)
    for answer in ("Vegan", "Vegetarian", "With fish"):
        meal.options.create(answer=answer)
    meal.items.add(*made.items.filter(category__name="Tickets"))
    return made


with scopes_disabled():
    user = User.objects.create_superuser("admin@example.com", "corpus-pass-1")
    organizer = Organizer.objects.create(name="York Makers", slug="york")
    team = Team.objects.create(organizer=organizer, name="Everyone", all_events=True)
    for name in [field.name for field in Team._meta.fields if field.name.startswith("can_")]:
        setattr(team, name, True)
    for name in ("all_event_permissions", "all_organizer_permissions"):
        if hasattr(team, name):
            setattr(team, name, True)
    team.save()
    team.members.add(user)
    event(organizer, "Makers' Fair", "fair", 0)
    event(organizer, "Autumn Kitchen Weekend", "kitchen", 120)
