"""Synthetic support tickets, as a help desk knows them: for trying out, for tests and for measuring at any size.

The tickets are made up, their noise is honest: typing errors, tickets that fit two departments, signs of urgency that
are missing or mislead, and priorities that somebody set one step too high or too low. So no model gets them all right;
of held-out tickets a good one gets the priority of about nine in ten and the department of about 97 in 100. Names and
numbers follow a long-tailed law, so that the vocabulary grows with the rows, ever more slowly, as in real text.
"""

import csv
import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple

from models import phrases

FIELDS = ("title", "description", "customer_email", "priority", "department")

MIXED_SHARE = 0.03  # tickets that could go to either of two departments
ASIDE_SHARE = 0.08  # tickets with a sentence about another department's business
NO_SIGN_SHARE = 0.03  # tickets that do not say how soon
MISLEADING_SHARE = 0.01  # tickets that exaggerate or play down by one step
LABEL_NOISE = 0.03  # tickets whose priority was set one step too high or too low
TYPO_SHARE = 0.2  # tickets with typing errors

Template = Callable[[], str]


def rows(count: int, seed: int) -> Iterator[dict[str, str]]:
    """`count` tickets, the same for the same seed; the first of a larger count are those of a smaller one."""
    writer = _Writer(seed)
    for _ in range(count):
        yield writer.ticket()


def write(path: Path, count: int = 1000, seed: int = 0) -> None:
    """Write `rows(count, seed)` to a CSV file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        table.writerows(rows(count, seed))


class _Topic(NamedTuple):
    priorities: list[int]  # cumulative, of 100
    titles: list[Template]
    sentences: list[Template]


class _Writer:
    """Everybody who writes tickets. All chance comes from one generator, in one order."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random
        self._slots: dict[str, Template] = {name: self._choice(values) for name, values in phrases.SLOTS.items()} | {
            "addon": lambda: f"Kit {_word(self._long_tailed(60)).capitalize()}",
            "amount": lambda: f"{5 + self._long_tailed(90)}.{self._below(10)}0 {self._slots['currency']()}",
            "code": lambda: f"error {_number(self._long_tailed(50), 90_001) + 10_000}",
            "company": lambda: f"{_word(self._long_tailed(200)).capitalize()} Ltd",
            "invoice": lambda: f"INV-{_number(self._long_tailed(400), 900_007) + 100_000}",
            "last": lambda: _word(self._long_tailed(300)).capitalize(),
            "n": lambda: str(2 + self._long_tailed(20)),
            "number": lambda: f"C{_number(self._long_tailed(400), 8_999_993) + 1_000_000}",
            "percent": lambda: str(self._below(100)),
            "version": lambda: f"{1 + self._below(6)}.{self._long_tailed(6)}",
        }
        self._departments = list(phrases.TOPICS)
        self._shares = list(accumulate(phrases.DEPARTMENTS[name] for name in self._departments))
        self._topics = [[self._topic(topic) for topic in topics] for topics in phrases.TOPICS.values()]
        self._mixed = [(pair, self._topic(topic)) for pair, topic in phrases.MIXED]
        self._signs = [self._templates(phrases.SIGNS[name]) for name in phrases.PRIORITIES]
        self._subject_signs = [self._templates(phrases.SUBJECT_SIGNS[name]) for name in phrases.PRIORITIES]
        self._greetings = self._templates(phrases.GREETINGS)
        self._closings = self._templates(phrases.CLOSINGS)
        self._fillers = self._templates(phrases.FILLERS)

    def ticket(self) -> dict[str, str]:
        happens = self._happens
        if happens(MIXED_SHARE):
            pair, topic = self._pick(self._mixed)
            department = self._departments.index(self._pick(pair))
        else:
            department = bisect(self._shares, self._random() * self._shares[-1])
            topic = self._pick(self._topics[department])
        priority = bisect(topic.priorities, self._random() * topic.priorities[-1])
        said = self._one_step_off(priority) if happens(MISLEADING_SHARE) else priority
        sign = None if happens(NO_SIGN_SHARE) else said
        title, description = self._title(topic, sign), self._description(topic, department, sign)
        if happens(LABEL_NOISE):
            priority = self._one_step_off(priority)
        return {
            "title": title,
            "description": description,
            "customer_email": self._email(),
            "priority": phrases.PRIORITIES[priority],
            "department": self._departments[department],
        }

    def _title(self, topic: _Topic, sign: int | None) -> str:
        title = _capital(self._pick(topic.titles)())
        if sign is not None and self._happens(0.3):
            title = self._pick(self._subject_signs[sign])() + title
        return title.lower() if self._happens(0.1) else title

    def _description(self, topic: _Topic, department: int, sign: int | None) -> str:
        first, known = self._below(len(topic.sentences)), len(topic.sentences)
        count = 1 + self._below(known)
        said = [_capital(topic.sentences[(first + more) % known]()) for more in range(count)]
        if self._happens(ASIDE_SHARE):
            other = self._pick(self._topics[(department + 1 + self._below(2)) % 3])
            said.append(_capital(self._pick(other.sentences)()))
        while self._happens(0.35):
            said.insert(self._below(len(said) + 1), self._pick(self._fillers)())
        if sign is not None:
            said.insert(self._pick((0, 1, len(said), len(said))), self._pick(self._signs[sign])())
            if self._happens(0.4):
                said.append(self._pick(self._signs[sign])())
        text = ("\n" if self._happens(0.15) else " ").join(said)
        if self._happens(0.5):
            text = f"{self._pick(self._greetings)()}\n{text}"
        if self._happens(0.5):
            text = f"{text}\n{self._pick(self._closings)()}"
        while self._happens(TYPO_SHARE):
            text = self._typo(text)
        return text.lower() if self._happens(0.05) else text

    def _email(self) -> str:
        first, last = self._slots["first"](), self._slots["last"]().lower()
        return f"{first.lower() if first.isascii() else 'office'}.{last}@example.com"

    def _typo(self, text: str) -> str:
        """Two letters swapped, one lost or one doubled, somewhere."""
        at = self._below(len(text) - 1)
        here, after = text[at], text[at + 1]
        if not (here.isalpha() and after.isalpha()):
            return text
        return text[:at] + self._pick((after + here, here, here + here + after)) + text[at + 2 :]

    def _topic(self, topic: phrases.Topic) -> _Topic:
        priorities = list(accumulate(phrases.MOODS[topic.mood]))
        return _Topic(priorities, self._templates(topic.titles), self._templates(topic.sentences))

    def _templates(self, texts: Sequence[str]) -> list[Template]:
        return [self._template(text) for text in texts]

    def _template(self, text: str) -> Template:
        """A function that renders `text` with its choices made and its slots filled, anew each time."""
        parts: list[str | Template] = []
        for literal, choice, slot in re.findall(r"([^{}<>]+)|\{([^{}]*)\}|<(\w+)>", text):
            if choice:
                options = choice.split("|")
                parts.append(self._any(self._templates(options)) if "<" in choice else self._choice(options))
            else:
                parts.append(literal or self._slots[slot])
        return lambda: "".join([part if isinstance(part, str) else part() for part in parts])

    def _choice(self, values: Sequence[str]) -> Template:
        return lambda: values[int(self._random() * len(values))]

    def _any(self, templates: Sequence[Template]) -> Template:
        def render() -> str:
            return self._pick(templates)()

        return render

    def _pick[T](self, values: Sequence[T]) -> T:
        return values[int(self._random() * len(values))]

    def _below(self, end: int) -> int:
        return int(self._random() * end)

    def _happens(self, share: float) -> bool:
        return self._random() < share

    def _one_step_off(self, priority: int) -> int:
        return {0: 1, 3: 2}.get(priority, priority + self._pick((-1, 1)))

    def _long_tailed(self, scale: int) -> int:
        """0, 1, 2, ... without end: about `scale` common values, then ever rarer ones."""
        return int(scale * ((1.0 - self._random()) ** -0.8 - 1.0))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(rank: int, prime: int) -> int:
    """The `rank`th number below `prime`, in an order that looks like none."""
    return (rank * 611_953 + 104_729) % prime


def _word(rank: int) -> str:
    """The `rank`th pronounceable word of two or more syllables."""
    base = len(phrases.SYLLABLES)
    rank += base
    text = ""
    while rank >= base:
        rank, syllable = divmod(rank, base)
        text = phrases.SYLLABLES[syllable] + text
    return phrases.SYLLABLES[rank] + text
