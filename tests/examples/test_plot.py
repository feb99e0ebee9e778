"""Pictures in a page, by nothing but their URLs."""

from io import BytesIO

from harness.browser import open_call
from harness.program import ROOT
from harness.server import Server
from harness.shell import Type, commands_of
from PIL import Image
from playwright.sync_api import Page, expect

(OPEN,) = commands_of(ROOT / "examples/plot/README.md")
PLOT_PY = (ROOT / "examples/plot/plot.py").read_text()

WIDTH_OF_PICTURE = "() => document.querySelector('img').naturalWidth"


def picture(server: Server, **kwargs: object) -> Image.Image:
    """Return what the adaptor draws."""
    answer = server.call(PLOT_PY, kwargs)
    assert answer.headers["Content-Type"] == "image/png", answer.text
    return Image.open(BytesIO(answer.content))


def test_other_numbers_are_another_picture(example_server: Server) -> None:
    rising, falling = (
        picture(example_server, numbers=numbers) for numbers in ([1, 2, 3], [3, 2, 1])
    )
    assert rising.size == falling.size == (800, 400)
    assert rising.tobytes() != falling.tobytes()
    assert rising.tobytes() == picture(example_server, numbers=[1, 2, 3]).tobytes()


def test_the_page_shows_a_picture_and_another_when_it_is_typed_in(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    page.wait_for_function(f"({WIDTH_OF_PICTURE})() === 800")
    expect(page.get_by_role("status")).to_have_text("12 numbers")
    first = page.locator("img").get_attribute("src")

    with page.expect_response("**/plot.png?*") as answer:
        page.get_by_label("Numbers").fill("1, 2; 4")
    assert answer.value.headers["content-type"] == "image/png"
    expect(page.get_by_role("status")).to_have_text("3 numbers")
    assert page.locator("img").get_attribute("src") != first


def test_what_is_no_number_is_said_in_the_page(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    page.get_by_label("Numbers").fill("1 owl")
    expect(page.get_by_role("status")).to_have_text("These are not all numbers.")


def test_what_the_adaptor_says_in_the_place_of_a_picture_is_shown(
    page: Page, example_server: Server, type_in: Type
) -> None:
    open_call(page, type_in(OPEN, example_server).strip())
    page.get_by_text("The adaptor that this page sends along").click()
    page.get_by_label("Adaptor").fill("def run(numbers, title): abort(400, 'No ink is left.')")
    expect(page.get_by_role("status")).to_have_text("No ink is left.")
