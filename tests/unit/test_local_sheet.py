"""The contact sheet."""

from pathlib import Path

import pytest

from local import sheet
from local.watch import Image, Outcome


def card(name: str, *, state: str = "succeeded", reason: str = "") -> sheet.Card:
    """Return the card of an image with this name."""
    outcome = Outcome(
        image=Image(name=name, path=Path(name), key=f"photos/{name}"),
        state=state,
        seconds=1.25,
        reason=reason,
        cost_microusd=17_000,
    )
    result = Path(f"{name}.cutout.png") if outcome.succeeded else None
    return sheet.Card(outcome=outcome, original=Path("originals", name), result=result)


def test_render_escapes_names() -> None:
    """A file name is text, never markup."""
    page = sheet.render([card('<img src=x onerror="alert(1)">.jpg')])

    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;.jpg" in page


def test_render_escapes_reasons() -> None:
    """A reason may quote what a provider said."""
    page = sheet.render([card("a.jpg", state="failed", reason="<script>")])

    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_render_shows_seconds_and_costs() -> None:
    """Each card has its own, the header has the sum."""
    page = sheet.render([card("a.jpg"), card("b.jpg")])

    assert page.count("$0.017") == 2
    assert "2 of 2 images cut out, $0.034" in page
    assert page.count("1.2 s") == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b.png", "a%20b.png"),
        ("sub/a.png", "sub/a.png"),
        ("a:b.png", "a%3Ab.png"),
        ("50%#1?.png", "50%25%231%3F.png"),
        ("é.png", "%C3%A9.png"),
    ],
)
def test_link_works_for_any_file_name(name: str, expected: str) -> None:
    """What means something in a URL is percent-encoded."""
    assert sheet.link(Path(name)) == expected


def test_write_returns_the_page(tmp_path: Path) -> None:
    """The page is UTF-8, as it says itself."""
    page = sheet.write(tmp_path, [card("été.jpg")])

    assert page == tmp_path / "index.html"
    assert "été.jpg" in page.read_text(encoding="utf-8")
