r"""Token patterns: regular expressions that no text makes slow.

Python's engine tries again and again where a pattern can match in several ways: `(a+)+$` takes longer than the universe
lasts, and even `\w+!` the square of a text's length. A token pattern is therefore of a small language:

    pattern = [(?flags)] branch {"|" branch}        flags: a, m, s, u
    branch  = {piece}                               piece = class [quantifier] | \b | group
    group   = "(" pattern ")" | "(?:" pattern ")"   never repeated

and of each branch at most one quantifier may be without an end: the last piece that takes characters, with nothing after it
but, behind \w, \b. So nothing that was taken without end is ever given back, and all else that can be tried at one place is
little: the work at each character of a text is bounded, whatever the text is.

One pattern more is taken: class, other class without end, and the first class again, as `[^|\s][^|]*[^|\s]`, a cell without
the white space around it. Where that fails, the first class does not come again in what was taken, so nothing in it begins
another attempt: each character is looked at a bounded number of times there, too.
"""

import re

from firesteel.errors import ProgramError

LONGEST = 200
_WORK = 1024  # at one place of a text: ways to match, times the characters of one
_FLAGS = re.compile(r"\(\?[amsu]+\)")
_CLASS = re.compile(
    r"""\\[wWdDsS]|\.|\\[^\w\s]|[^\W_]|[ _,;:!%&=<>~`@#"'/-]  # a kind, any, an escaped mark, a letter or digit, a mark
    |\[\^?(?:\\[wWdDsS]|\\[^\w\s]|[^\\\[\]])+\]""",
    re.VERBOSE,
)
_CELL = re.compile(rf"({_CLASS.pattern})(?:{_CLASS.pattern})[*+]\1", re.VERBOSE)
_QUANTIFIER = re.compile(r"([*+?]|\{(\d{1,3})(,?)(\d{0,3})\})(?![*+?{])")
_GROUP = re.compile(r"\((?:\?:)?(?!\?)")


def compiled(pattern: object) -> re.Pattern[str]:
    """The compiled pattern. Raises ProgramError for one that is none, or outside the language."""
    if not isinstance(pattern, str) or len(pattern) > LONGEST:
        raise ProgramError(f"a token pattern is no text of at most {LONGEST} characters")
    try:
        if not _CELL.fullmatch(pattern):
            _Reader(pattern).read()
        done = re.compile(pattern)
    except re.PatternError as error:
        raise ProgramError(f"a token pattern is none: {error}") from None
    if done.groups > 1:
        raise ProgramError("a token pattern has more than one group: a token would be no text")
    return done


class _Reader:
    """Goes through a pattern once."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._ways, self._length = 1, 0

    def read(self) -> None:
        self._taken(_FLAGS)
        self._branches("")
        if self._at < len(self._pattern):
            self._refuse("a bracket too many")
        if self._ways * self._length > _WORK:
            self._refuse(f"{self._ways} ways to match {self._length} characters")

    def _branches(self, endless: str) -> str:
        """Reads branches up to the end or a bracket; the class that one of them ends with taking without end, if any."""
        found = {self._branch(endless)}
        count = 1
        while self._pattern.startswith("|", self._at):
            self._at += 1
            count += 1
            found.add(self._branch(endless))
        self._ways *= count
        found.discard("")
        return "" if not found else found.pop() if len(found) == 1 else "several"

    def _branch(self, endless: str) -> str:
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            if self._pattern.startswith(r"\b", self._at):
                self._at += 2
                if endless not in ("", r"\w"):
                    self._refuse(r"\b after another class than \w without end")
            elif group := self._taken(_GROUP):
                endless = self._branches(endless)
                if not self._pattern.startswith(")", self._at) or self._taken(_QUANTIFIER, 1):
                    self._refuse(f"a repeated group, {group}...)")
                self._at += 1
            elif kind := self._taken(_CLASS):
                if endless:
                    self._refuse("characters after a class without end")
                endless = self._quantified(kind)
            else:
                self._refuse(f"{self._pattern[self._at :][:5]!r}")
        return endless

    def _quantified(self, kind: str) -> str:
        """Reads the quantifier behind a class, if there is one; the class if it takes without end."""
        match = _QUANTIFIER.match(self._pattern, self._at)
        if not match:
            if self._pattern[self._at : self._at + 1] in ("*", "+", "?", "{"):
                self._refuse("a quantifier of another kind than *, +, ?, {n}, {n,} or {n,m}")
            self._length += 1
            return ""
        self._at = match.end()
        mark, low, comma, high = match.groups()
        self._length += max(int(low or 1), int(high or 1))
        if mark in ("*", "+") or (comma and not high):
            return kind
        self._ways *= 2 if mark == "?" else int(high) - int(low) + 1 if high else 1
        return ""

    def _taken(self, expected: re.Pattern[str], ahead: int = 0) -> str:
        """What stands here, if it is as expected; it is passed."""
        match = expected.match(self._pattern, self._at + ahead)
        if match and not ahead:
            self._at = match.end()
        return match[0] if match else ""

    def _refuse(self, what: str) -> None:
        raise ProgramError(
            f"a token pattern has {what} at character {self._at}: it could take for ever on some text. "
            r"Possible: classes like \w, [^,\s] or letters, each with one quantifier, the one without end last; groups, |, \b"
        )
