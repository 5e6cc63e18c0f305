"""What training never learns by heart: e-mail addresses, phone numbers and card numbers, wherever a text has one.

Terms that few rows have are kept out by counting (`data.min_rows_per_term`); these are kept out however many have them.
A term is a word, an n-gram or a category. What a definition lists itself, a label or a closed input's value, is no secret.
"""

import re

DIGITS = 7  # as many as the shortest phone number; a card number has 12 or more
REACH = 4  # words that an address may go on for on either side of its @: `ada . lovelace @ example . com`

_AT = re.compile(
    "[@\uff20\ufe6b]|%(?:25){0,2}40|&#0{0,4}64;|&#x0{0,4}40;|&commat;|"  # its wide and small forms, and its escapes
    r"[(\[{<][^\w()\[\]{}<>]{0,3}at[^\w()\[\]{}<>]{0,3}[)\]}>]",  # and what people write for it
    re.IGNORECASE,
)
_BLANKS = re.compile(r"(\s+)")
_LETTER = re.compile(r"\w")
_NUMBER = re.compile(rf"\d(?:[\W_]{{0,5}}\d){{{DIGITS - 1},}}+")
_DIGIT = re.compile(r"\d")


def parts(text: str) -> tuple[str, ...]:
    """What is left of a text beside its addresses and its numbers of at least DIGITS digits; itself, if it has none.

    An address is each word that has an @, however that is written, and the words beside one that stands alone. Digits
    belong to one number across up to five characters that are no letters: `+1 (555) 010-9999`. In linear time.
    """
    return tuple(part for piece in _without_addresses(text) for part in _NUMBER.split(piece))


def blanked(text: str) -> str:
    """A text with a blank in place of each address and each long number."""
    return " ".join(parts(text))


def shaped(term: str) -> bool:
    """Whether a term looks like an e-mail address, or has the digits of a phone or card number, however they are parted."""
    return _AT.search(term) is not None or len(_DIGIT.findall(term)) >= DIGITS


def _without_addresses(text: str) -> list[str]:
    if not _AT.search(text):
        return [text]
    pieces = _BLANKS.split(_AT.sub("@", text))  # words, and between two the blanks that part them
    words, hidden = pieces[::2], set[int]()
    for place, word in enumerate(words):
        if "@" in word:
            hidden.update(range(_reach(words, place, -1), _reach(words, place, 1) + 1))
    left, begin = [], 0
    for place in sorted(hidden):
        left.append("".join(pieces[begin : 2 * place]))
        begin = 2 * place + 1
    return [*left, "".join(pieces[begin:])]


def _reach(words: list[str], place: int, step: int) -> int:
    """The last word in one direction that belongs to the address which has its @ in the word at `place`."""
    side = words[place].partition("@")[0] if step < 0 else words[place].rpartition("@")[2]
    is_open = not _LETTER.search(side)
    for _ in range(REACH):
        beyond = place + step
        if not 0 <= beyond < len(words):
            return place
        word = words[beyond]
        if not (is_open or (word.endswith(".") if step < 0 else word.startswith("."))):
            return place
        place, is_open = beyond, not _LETTER.search(word)
    return place
