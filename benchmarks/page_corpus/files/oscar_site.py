# ruff: noqa: D103, E501, F403, PLC0415
"""A django-oscar shop in one file: settings, addresses, and a catalogue made up from word lists.

python oscar_site.py migrate | seed | runserver …
"""

import os
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oscar_site")

if os.environ["DJANGO_SETTINGS_MODULE"] == "oscar_site" and __name__ == "oscar_site":
    from oscar.defaults import *

    BASE_DIR = HERE
    SECRET_KEY = "corpus"
    DEBUG = True
    ALLOWED_HOSTS = ["127.0.0.1"]
    ROOT_URLCONF = "oscar_urls"
    USE_TZ = True
    TIME_ZONE = "UTC"
    LANGUAGE_CODE = "en-gb"
    SITE_ID = 1
    STATIC_URL = "static/"
    MEDIA_URL = "media/"
    MEDIA_ROOT = HERE / "media"
    DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": HERE / "db.sqlite3",
            "ATOMIC_REQUESTS": True,
        }
    }
    HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
    AUTHENTICATION_BACKENDS = ("oscar.apps.customer.auth_backends.EmailBackend",)
    OSCAR_ALLOW_ANON_CHECKOUT = True
    OSCAR_SHOP_NAME = "Hearth & Trail"
    OSCAR_INITIAL_ORDER_STATUS = "Pending"
    OSCAR_PRODUCTS_PER_PAGE = 12
    INSTALLED_APPS = [
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "django.contrib.sites",
        "django.contrib.flatpages",
        "oscar.config.Shop",
        "oscar.apps.analytics.apps.AnalyticsConfig",
        "oscar.apps.checkout.apps.CheckoutConfig",
        "oscar.apps.address.apps.AddressConfig",
        "oscar.apps.shipping.apps.ShippingConfig",
        "oscar.apps.catalogue.apps.CatalogueConfig",
        "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
        "oscar.apps.communication.apps.CommunicationConfig",
        "oscar.apps.partner.apps.PartnerConfig",
        "oscar.apps.basket.apps.BasketConfig",
        "oscar.apps.payment.apps.PaymentConfig",
        "oscar.apps.offer.apps.OfferConfig",
        "oscar.apps.order.apps.OrderConfig",
        "oscar.apps.customer.apps.CustomerConfig",
        "oscar.apps.search.apps.SearchConfig",
        "oscar.apps.voucher.apps.VoucherConfig",
        "oscar.apps.wishlists.apps.WishlistsConfig",
        "oscar.apps.dashboard.apps.DashboardConfig",
        "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
        "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
        "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
        "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
        "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
        "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
        "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
        "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
        "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
        "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
        "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
        "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
        "widget_tweaks",
        "haystack",
        "treebeard",
        "sorl.thumbnail",
        "django_tables2",
    ]
    MIDDLEWARE = [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
        "oscar.apps.basket.middleware.BasketMiddleware",
    ]
    TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.debug",
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                    "django.template.context_processors.media",
                    "oscar.apps.search.context_processors.search_form",
                    "oscar.apps.checkout.context_processors.checkout",
                    "oscar.apps.communication.notifications.context_processors.notifications",
                    "oscar.core.context_processors.metadata",
                ]
            },
        }
    ]

CATALOGUE = {
    "Kitchen": (
        ["Kettle", "Coffee Grinder", "Skillet", "Bread Knife", "Toaster", "Stock Pot", "Whisk"],
        (9, 120),
    ),
    "Outdoor": (["Tent", "Sleeping Bag", "Head Torch", "Camp Stove", "Rucksack", "Water Filter"], (15, 320)),
    "Office": (["Desk Lamp", "Notebook", "Fountain Pen", "Office Chair", "Monitor Arm"], (3, 260)),
    "Garden": (["Secateurs", "Hedge Trimmer", "Watering Can", "Planter", "Hose Reel"], (5, 190)),
}
MAKERS = ["Kärcher", "Norwood", "Ardent", "Brightwell", "Halcyon", "Møller", "Tern & Co"]
KINDS = ["Classic", "Compact", "Pro", "Lite", "2.0", "XL"]


def seed() -> None:
    """About ninety products in four categories, two users, reviews, an offer and an address book."""
    import django

    django.setup()
    from decimal import Decimal

    from django.contrib.auth import get_user_model
    from oscar.apps.catalogue.categories import create_from_breadcrumbs
    from oscar.core.loading import get_model
    from oscar.test.factories import create_offer, create_product, create_product_image

    draw = random.Random(7)
    users = get_user_model()
    staff = users.objects.create_superuser("admin", "admin@example.com", "corpus-pass-1")
    shopper = users.objects.create_user("shopper", "shopper@example.com", "corpus-pass-1", first_name="Ana")
    countries = get_model("address", "Country").objects
    for code, name in (("GB", "United Kingdom"), ("DE", "Germany"), ("FR", "France"), ("IE", "Ireland")):
        countries.create(
            iso_3166_1_a2=code,
            iso_3166_1_a3=code + "X",
            printable_name=name,
            name=name,
            is_shipping_country=True,
        )
    get_model("address", "UserAddress").objects.create(
        user=shopper,
        first_name="Ana",
        last_name="Silva",
        line1="1 Mill Lane",
        line4="York",
        postcode="YO1 7AB",
        country=countries.get(iso_3166_1_a2="GB"),
    )
    reviews = get_model("reviews", "ProductReview")
    for category_name, (things, (low, high)) in CATALOGUE.items():
        category = create_from_breadcrumbs(f"Shop > {category_name}")
        for thing in things:
            below = create_from_breadcrumbs(f"Shop > {category_name} > {thing}s")
            for _ in range(4):
                title = f"{draw.choice(MAKERS)} {thing} {draw.choice(KINDS)}"
                product = create_product(
                    title=title,
                    product_class=category_name,
                    partner_name="Warehouse",
                    price=Decimal(draw.randint(low * 100, high * 100)) / 100,
                    num_in_stock=draw.choice([0, 2, 9, 40]),
                    description=f"<p>A {thing.lower()} for every day.</p><ul><li>Two years' warranty</li></ul>",
                )
                product.categories.add(category, below)
                create_product_image(product=product, original=_picture(title, draw))
                for _ in range(draw.randint(0, 3)):
                    reviews.objects.create(
                        product=product,
                        user=None,
                        name="Sam",
                        email="sam@example.com",
                        score=draw.randint(1, 5),
                        title="As described",
                        body="It does what it says.",
                        status=1,
                    )
                product.update_rating()
    create_offer()
    for order_title in ("Tent", "Kettle"):
        _order(shopper, order_title)
    get_model("wishlists", "WishList").objects.create(owner=shopper, name="Birthday")
    assert staff.is_staff


def _picture(title, draw):
    from io import BytesIO

    from django.core.files.base import ContentFile
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (320, 320), tuple(draw.randint(120, 250) for _ in range(3)))
    ImageDraw.Draw(picture).text((20, 150), title, fill="black")
    data = BytesIO()
    picture.save(data, "PNG")
    return ContentFile(data.getvalue(), name="product.png")


def _order(user, title: str) -> None:
    from oscar.core.loading import get_model
    from oscar.test.factories import create_basket, create_order

    product = get_model("catalogue", "Product").objects.filter(
        title__contains=title, stockrecords__num_in_stock__gt=0
    )
    basket = create_basket(empty=True)
    from oscar.apps.partner.strategy import Default

    basket.strategy = Default()
    basket.add_product(product.first())
    create_order(basket=basket, user=user)


def main() -> None:
    from django.core.management import execute_from_command_line

    if sys.argv[1:] == ["seed"]:
        seed()
    else:
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
