from facsim.shop.shoppers import Choice, Memory
from facsim.shop.storefront.views import PageAction, PageView, ProductCard, ProductView


def view(kind="results", *actions, product=None):
    shown = None
    if product is not None:
        shown = ProductView(ProductCard(product, 0, "A kettle", "Acme", 4000), "Kitchen", ("fast",))
    return PageView(kind, f"/{kind}", actions, product=shown)


def do(memory, page, action=0, **facts):
    return memory.after(
        page, Choice(action, facts.pop("text", None), 0.5, {}, facts.pop("aim", "look"), **facts)
    )


def test_queries_are_kept_as_typed_and_as_meant_with_their_need():
    box = PageAction("search", "Search", "/search")
    memory = do(Memory(), view("home", box), text="ketle", meant="kettle", need=1, aim="search")
    assert memory.queries == (("ketle", "kettle", 1),)
    assert (memory.need, memory.steps, memory.last) == (1, 1, "search")
    hint = PageAction("did_you_mean", "Kettle", "/search?q=kettle", value="kettle")
    assert do(memory, view("results", hint), aim="hint").queries[-1] == ("kettle", "kettle", 1)


def test_products_are_remembered_once_seen_with_how_often():
    link, reviews, back = (
        PageAction("product", "A", "/p/1"),
        PageAction("reviews", "R", "/r"),
        PageAction("back", "B", "/"),
    )
    memory = do(Memory(), view("results", link))
    assert not memory.viewed
    memory = do(memory, view("product", reviews, back, product=1), aim="reviews")
    assert memory.viewed[1].times == 1 and memory.read == {1}
    memory = do(memory, view("product", reviews, back, product=1), action=1, aim="back")
    assert memory.viewed[1].times == 1, "the same look, with the reviews open"
    memory = do(memory, view("results", link))
    memory = do(memory, view("product", reviews, back, product=1), action=1, aim="back")
    assert memory.viewed[1].times == 2


def test_cart_and_distractions_are_remembered_and_nothing_is_changed_in_place():
    page = view(
        "product",
        PageAction("add_to_cart", "Add", "/cart/add"),
        PageAction("other", "Help", "/help"),
        product=3,
    )
    before = Memory()
    memory = do(before, page, aim="keep")
    assert memory.kept == {0} and before == Memory()
    assert do(memory, page, action=1, aim="slip").asides == 1
    assert do(memory, view("results", PageAction("sort", "Price", "/s")), aim="sort").sorted
