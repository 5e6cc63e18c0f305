"""The plots that only reports have, as SVG in the manner of the model card's."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from functions.train.plots import BLUE, GREY, svg

_RED = "#b3261e"
_LONGEST = 34  # characters of a name beside a plot

Bar = tuple[str, float, float, float, bool]
"""A name, a value, the ends of its interval, and whether it stands out."""


def intervals(bars: Sequence[Bar], whole: float, title: str, xlabel: str) -> bytes:
    """Values with their intervals, the first on top, and a line at that of all rows."""

    def draw(axes: Axes) -> None:
        axes.axvline(whole, color=GREY, linestyle="--", linewidth=1)
        for place, (_, value, low, high, stands_out) in enumerate(bars):
            colour = _RED if stands_out else BLUE
            axes.plot([low, high], [place, place], color=colour, linewidth=1.5)
            axes.plot([value], [place], color=colour, marker="o", markersize=4)
        axes.set_yticks(range(len(bars)), [shortened(name, _LONGEST) for name, *_ in bars])
        axes.invert_yaxis()
        axes.set(title=title, xlabel=xlabel)

    return svg(draw, (5.4, 1.2 + 0.22 * len(bars)))


def course(seconds: Sequence[float], lines: Sequence[tuple[str, Sequence[float]]], title: str, ylabel: str) -> bytes:
    """Values over the seconds of a run, a line each."""

    def draw(axes: Axes) -> None:
        for (name, values), colour in zip(lines, (BLUE, _RED, GREY), strict=False):
            axes.plot(seconds, values, color=colour, linewidth=1.2, label=name)
        axes.set(xlabel="seconds", ylabel=ylabel, title=title)
        axes.set_ylim(bottom=0)
        if len(lines) > 1:
            axes.legend(frameon=False)

    return svg(draw, (5.4, 3.0))


def shortened(text: str, length: int) -> str:
    """One line of at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
