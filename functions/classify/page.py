"""The page: web/index.html with its style and its scripts inside, so that one answer is all a browser needs.

A policy of content allows exactly these scripts and styles, by their SHA-256, and nothing from elsewhere; requests may go
to this service, and to another over HTTPS or on this machine when a person types its address.
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.negotiated import unless_known

WEB = Path(__file__).parents[2] / "web"
"""Beside functions/, in the repository and on Lambda."""

_STYLE = re.compile(r'<link rel="stylesheet" href="([\w-]+\.css)">')
_SCRIPT = re.compile(r'<script src="([\w-]+\.js)"></script>')
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)$", re.MULTILINE)
# of a line: what stands before its first template, regular expression or single quote, and the rest
_CODE = re.compile(r"""((?:[^"'`/\n]|"(?:[^"\\\n]|\\.)*")*)(.*)""")
_GAPS = re.compile(r"""("(?:[^"\\\n]|\\.)*")| *([=,;:?(){}\[\]<>&|!]) *""")
_ENDS = re.compile(r"<(?=!--|/?script)", re.IGNORECASE)  # what would end an inline script, or hide its end


class Page(NamedTuple):
    """The document, the policy that it is shown under, and what both are known by."""

    body: bytes
    policy: str
    etag: str


def answer(request: Request) -> Answer | None:
    """The page; None where it is not installed."""
    page = assembled(WEB)
    if page is None:
        return None
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": page.policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "vary": "accept",
    }
    return unless_known(request, Answer(200, headers, page.body, {}), page.etag)


@cache
def assembled(folder: Path) -> Page | None:
    """The page of a folder, made once a process. Raises FileNotFoundError for a script or style that is not there."""
    if not (folder / "index.html").is_file():
        return None
    styles: list[str] = []
    scripts: list[str] = []

    def inline(tag: str, content: str, hashes: list[str]) -> str:
        hashes.append(f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'")
        return f"<{tag}>{content}</{tag}>"

    def read(name: str) -> str:
        return _lean((folder / name).read_text("utf-8"))

    document = (folder / "index.html").read_text("utf-8")
    document = _STYLE.sub(lambda found: inline("style", read(found[1]), styles), document)
    document = _SCRIPT.sub(
        lambda found: inline("script", _ENDS.sub(r"\\x3c", _tight(read(found[1]))), scripts), document
    )
    body, policy = document.encode(), _policy(scripts, styles)
    return Page(body, policy, sha256(body + policy.encode()).hexdigest()[:32])


def _lean(text: str) -> str:
    """A script or a style without its comments and its indentation, which no browser needs.

    A comment is one that has its lines for itself; no text of ours goes over the end of a line.
    """
    return "\n".join(filter(None, map(str.strip, _COMMENT.sub("", text).split("\n"))))


def _tight(script: str) -> str:
    """A script without blanks around its signs. What is in quotes, and a line from its first template or slash on, stays."""
    return _CODE.sub(lambda line: _GAPS.sub(lambda gap: gap[1] or gap[2], line[1]) + line[2], script)


def _policy(scripts: list[str], styles: list[str]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(scripts) or "'none'"}",
            f"style-src {' '.join(styles) or "'none'"}",
            "img-src 'self' blob: data:",
            "connect-src 'self' https: http://127.0.0.1:* http://localhost:*",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
