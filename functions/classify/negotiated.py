"""What a caller would rather have, and what it has already: the headers Accept and If-None-Match (RFC 9110, 12 and 13)."""

from typing import NamedTuple

from functions.classify.answers import Answer
from functions.classify.events import Request

NOT_MODIFIED = 304


class _Range(NamedTuple):
    """A media range of Accept. Of two that want as much, the one that stands first is wanted more."""

    media_type: str
    quality: float
    place: int


_NONE = _Range("", 0.0, 0)


def prefers_html(accept: str) -> bool:
    """Whether text/html is wanted more than application/json, which whoever says nothing gets."""
    ranges = [_range(part, place) for place, part in enumerate(accept.lower().split(","))]
    html, json = _best(ranges, "text/html"), _best(ranges, "application/json")
    return html.quality > 0 and (html.quality, -html.place) > (
        json.quality,
        -json.place if json.quality else -len(ranges),
    )


def _range(part: str, place: int) -> _Range:
    media_type, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    return _Range(media_type, _quality(quality), place)


def _quality(text: str) -> float:
    """0 to 1 with at most three digits; what is written otherwise is not wanted."""
    whole, _, digits = text.partition(".")
    sound = whole in ("0", "1") and len(digits) <= 3 and (digits == "" or digits.isdecimal())
    return float(text) if sound and text.isascii() and float(text) <= 1 else 0.0


def _best(ranges: list[_Range], media_type: str) -> _Range:
    """The most exact range that holds a media type."""
    for wanted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if found := [one for one in ranges if one.media_type == wanted]:
            return max(found, key=lambda one: one.quality)
    return _NONE


def unless_known(request: Request, answer: Answer, etag: str) -> Answer:
    """The answer with its ETag; without its body, 304, for a caller who has it already."""
    headers = {**answer.headers, "etag": f'"{etag}"'}
    sent = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if headers["etag"] in sent or sent == ["*"]:
        return Answer(NOT_MODIFIED, headers, b"", answer.facts)
    return answer._replace(headers=headers)
