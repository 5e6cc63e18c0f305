"""The plots of a model card, as SVG."""

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small files that can be searched
    "svg.hashsalt": "firesteel",  # the same plot gives the same bytes
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
BLUE, GREY = "#1f5fa8", "#9a9a9a"
_ANNOTATED = 12  # labels up to which every cell of a confusion matrix shows its count


def confusion(metrics: dict[str, Any], title: str) -> bytes:
    """Rows are the true labels, columns the predicted ones; colour is the share of the row."""
    labels, counts = metrics["labels"], metrics["confusion_matrix"]
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    size = max(3.6, min(14, 1.4 + 0.62 * len(labels) if len(labels) <= _ANNOTATED else 0.17 * len(labels)))

    def draw(axes: Axes) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        small = 9 if len(labels) <= _ANNOTATED else 5
        axes.set_xticks(range(len(labels)), labels, rotation=90 if len(labels) > 4 else 0, fontsize=small)
        axes.set_yticks(range(len(labels)), labels, fontsize=small)
        axes.set(xlabel="predicted", ylabel="true", title=title)
        if len(labels) <= _ANNOTATED:
            for i, row in enumerate(counts):
                for j, count in enumerate(row):
                    axes.text(
                        j, i, str(count), ha="center", va="center", color="white" if shares[i][j] > 0.5 else "black"
                    )

    return svg(draw, (size + 0.6, size))


def reliability(metrics: dict[str, Any], title: str) -> bytes:
    """Accuracy against confidence, in bins; dots are as large as their bin has rows."""
    bins = metrics["reliability"]
    largest = max(b["rows"] for b in bins)

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
        x, y = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
        axes.plot(x, y, color=BLUE, linewidth=1)
        axes.scatter(x, y, s=[10 + 90 * b["rows"] / largest for b in bins], color=BLUE)
        error = metrics["expected_calibration_error"]
        axes.set(
            xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy", title=f"{title} (ECE {error:.3f})"
        )

    return svg(draw, (4.2, 3.6))


def review_curve(metrics: dict[str, Any], policy: dict[str, Any] | None, title: str) -> bytes:
    """Accuracy of automatic answers against their share, with the policy's point."""
    curve = metrics["review_curve"]

    def draw(axes: Axes) -> None:
        axes.plot([p["share"] for p in curve], [p["accuracy"] for p in curve], color=BLUE)
        if policy:
            axes.axhline(policy["wanted_accuracy"], color=GREY, linestyle="--", linewidth=1)
            if policy["automatic_accuracy"] is not None:
                axes.scatter([policy["automatic_share"]], [policy["automatic_accuracy"]], color="#b3261e", zorder=3)
        lowest = min(p["accuracy"] for p in curve)
        axes.set(xlim=(0, 1), ylim=(min(0.9, lowest) - 0.02, 1.01), title=title)
        axes.set(xlabel="share answered automatically", ylabel="accuracy of these")

    return svg(draw, (4.2, 3.6))


def calibration(metrics: dict[str, Any], title: str) -> bytes:
    """Observed against predicted, in tenths of the rows by their prediction; per unit of exposure for counts."""
    tenths = metrics["calibration"]
    x, y = [tenth["predicted"] for tenth in tenths], [tenth["observed"] for tenth in tenths]

    def draw(axes: Axes) -> None:
        ends = [min(*x, *y), max(*x, *y)]
        axes.plot(ends, ends, color=GREY, linestyle="--", linewidth=1)
        axes.plot(x, y, color=BLUE, marker="o", markersize=4, linewidth=1)
        axes.set(xlabel="predicted", ylabel="observed", title=title)

    return svg(draw, (4.2, 3.6))


def residuals(metrics: dict[str, Any], title: str) -> bytes:
    """How far the truth is from the prediction, by the share of rows that are at most so far."""
    quantiles = metrics["residual_quantiles"]
    shares = [number / (len(quantiles) - 1) for number in range(len(quantiles))]

    def draw(axes: Axes) -> None:
        axes.axhline(0, color=GREY, linestyle="--", linewidth=1)
        axes.plot(shares, quantiles, color=BLUE)
        axes.set(xlim=(0, 1), xlabel="share of rows", ylabel="truth - prediction", title=title)

    return svg(draw, (4.2, 3.6))


def intervals(metrics: dict[str, Any], coverage: float, title: str) -> bytes:
    """How often the truth is in the interval, in tenths of the rows by their prediction, and the stated coverage."""
    tenths = metrics["calibration"]

    def draw(axes: Axes) -> None:
        held = [tenth["coverage"] for tenth in tenths]
        axes.bar(range(1, len(tenths) + 1), held, color=BLUE)
        axes.axhline(coverage, color=GREY, linestyle="--", linewidth=1)
        axes.set(ylim=(min(*held, coverage) - 0.05, 1), title=title)
        axes.set(xlabel="tenth by prediction", ylabel="truth in the interval")

    return svg(draw, (4.2, 3.6))


def importance(fields: dict[str, float], title: str) -> bytes:
    """The mean absolute contribution of each input field, the largest on top."""

    def draw(axes: Axes) -> None:
        axes.barh(range(len(fields)), list(fields.values()), color=BLUE)
        axes.set_yticks(range(len(fields)), list(fields))
        axes.invert_yaxis()
        axes.set(xlabel="mean absolute contribution", title=title)

    return svg(draw, (4.8, 1.2 + 0.24 * len(fields)))


def svg(draw: Callable[[Axes], None], size: tuple[float, float]) -> bytes:
    """One pair of axes, drawn; `size` in inches. The same drawing gives the same bytes."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
