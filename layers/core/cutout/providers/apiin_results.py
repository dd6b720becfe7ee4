"""Where in an answer of API in One the result is. Pure; the assumptions are in apiin.py."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from cutout.sniff import image_format

type JsonObject = dict[str, object]
type Result = str | ImageBytes

_SURE = (
    *("resulturl", "resulturls", "outputurl", "outputurls", "result", "results"),
    *("output", "outputs", "resultimage", "outputimage", "processedimage", "processedimageurl"),
    *("downloadurl", "fileurl", "file", "link", "url", "data", "task", "response"),
)
_ENCODED = ("b64json", "imagebase64", "base64")
_ECHOABLE = ("imageurl", "image", "images")  # the request has `image`: an answer may repeat it
_MAX_DEPTH, _MAX_ITEMS = 6, 10
_MAGIC_BYTES = 16
_BASE64_OF_MAGIC = ("iVBORw0KGgo", "UklGR")  # PNG and WebP (RIFF)
_DATA_URI = re.compile(r"data:(image/[\w.+-]+)(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """An image that was in the answer itself."""

    data: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A string where results are put."""

    text: str = field(repr=False)
    encoded: bool
    echoable: bool


def plain(node: JsonObject) -> JsonObject:
    """Return an object under the plain form of its names: no case, no `_`, no `-`."""
    return {str(k).lower().replace("_", "").replace("-", ""): v for k, v in node.items()}


def image_body(content: bytes, content_type: str) -> ImageBytes | None:
    """Return a body that is an image; None: it is none."""
    declared = content_type.partition(";")[0].strip().lower()
    is_image = image_format(content[:_MAGIC_BYTES]) in ("png", "webp")
    if content and (is_image or declared.startswith("image/")):
        return _image(content, declared)
    return None


def find_result(
    body: JsonObject, task_id: str | None, source_url: str | None, *, has_word: bool
) -> Result | None:
    """Return the result in an answer, rather one that stands where no echo of the input can.

    `source_url` is the input of a create, None for a status answer; `has_word`: it has a status.
    """
    found = list(_candidates(body, encoded=False, echoable=False, sure=False, depth=0))
    used = [c for c in found if not c.echoable]
    if source_url is not None or has_word:
        used += [c for c in found if c.echoable and not (source_url is None and _is_ours(c.text))]
    results = (_usable(candidate, task_id, source_url) for candidate in used)
    return next((result for result in results if result is not None), None)


def _candidates(
    node: object, *, encoded: bool, echoable: bool, sure: bool, depth: int
) -> Iterator[_Candidate]:
    """Go through the strings where results are put; `sure`: inside of `result` or `output`."""
    if isinstance(node, str):
        yield _Candidate(node, encoded, echoable and not sure and _place(node) is not None)
    elif depth > _MAX_DEPTH:
        return
    elif isinstance(node, list):
        for item in node[:_MAX_ITEMS]:
            yield from _candidates(
                item, encoded=encoded, echoable=echoable, sure=sure, depth=depth + 1
            )
    elif isinstance(node, dict):
        values = plain(node)
        for name in (*_SURE, *_ENCODED, *_ECHOABLE):
            yield from _candidates(
                values.get(name),
                encoded=name in _ENCODED,
                echoable=echoable or name in _ECHOABLE,
                sure=sure or name.startswith(("result", "output")),
                depth=depth + 1,
            )


def _usable(candidate: _Candidate, task_id: str | None, source_url: str | None) -> Result | None:
    """Turn a candidate into a URL or an image; None: it is neither, or not the result."""
    text = candidate.text.strip()
    if match := _DATA_URI.match(text):
        return _decoded(text[match.end() :], match[1].lower())
    if candidate.encoded or text.startswith(_BASE64_OF_MAGIC):
        return _decoded(text, None)
    place = _place(text)
    if place is None or not text.isprintable():
        return None
    if source_url is not None and place == _place(source_url):
        return None
    return None if task_id and place[1].endswith(f"/tasks/{task_id}") else text


def _is_ours(url: str) -> bool:
    """Tell whether a status answer may repeat the input here, which is not at hand then.

    What a Lambda function presigns carries a session token; a provider's own URL hardly does.
    """
    return "x-amz-security-token=" in url.lower()


def _place(url: str) -> tuple[str, str] | None:
    """Return host and path of a web URL, without the query that signs it; None: it is none."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return host, unquote(parts.path).rstrip("/")


def _decoded(text: str, declared: str | None) -> ImageBytes | None:
    """Decode base64; without a declared type the bytes themselves have to say "image"."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None
    if not data or (declared is None and image_format(data[:_MAGIC_BYTES]) is None):
        return None
    return _image(data, declared or "")


def _image(data: bytes, declared: str) -> ImageBytes:
    """Believe the bytes before the declared type."""
    found = image_format(data[:_MAGIC_BYTES])
    return ImageBytes(data, f"image/{found}" if found else declared)
