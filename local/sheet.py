"""The contact sheet: one HTML file that shows each original beside its cut-out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined

from local.watch import Outcome

_TEMPLATE = Path(__file__).with_name("sheet.html")
_MICRO = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Card:
    """One image of the sheet; the paths are relative to it."""

    outcome: Outcome
    original: Path
    result: Path | None


def write(out: Path, cards: Sequence[Card]) -> Path:
    """Write `index.html` beside the images and return its path."""
    page = out / "index.html"
    page.write_text(render(cards), encoding="utf-8")
    return page


def render(cards: Sequence[Card]) -> str:
    """Return the sheet; names are escaped, and percent-encoded in links."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"link": link, "dollars": dollars}
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        cards=cards,
        succeeded=sum(card.outcome.succeeded for card in cards),
        cost_microusd=sum(card.outcome.cost_microusd for card in cards),
    )


def link(path: Path) -> str:
    """Return a relative link that works for any file name, opened as a file too."""
    # Encoded colons too: "a:b.png" would otherwise name a scheme.
    return quote(path.as_posix())


def dollars(microusd: int) -> str:
    """Return an amount as people write it."""
    return f"${microusd / _MICRO:.3f}"
