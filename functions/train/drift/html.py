"""A drift report as one page that needs nothing else: no script, no font, no picture from elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _ROW, _LABEL = 460, 22, 170  # of a plot, in its own units
_SHOWN = 14  # bars of a plot
_SHARES = ("accuracy", "coverage")
_STATES = {"OK": ("ok", "OK"), "DRIFT": ("drift", "Drift"), "INSUFFICIENT_DATA": ("few", "Not enough data")}

_STYLE = """
:root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--soft:#59636e;--line:#d8dee4;--had:#9aa4af;--has:#1f5fa8;
--ok:#176b37;--drift:#b3261e;--few:#6a5b00}
@media(prefers-color-scheme:dark){:root{--back:#14171b;--text:#e6e9ec;--soft:#a3adb8;--line:#333a42;--had:#6d7783;
--has:#6aa7ee;--ok:#62c98a;--drift:#ff8f85;--few:#d8c45a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1.5rem;background:var(--back);color:var(--text);
font:16px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}
p{margin:.3rem 0}.soft{color:var(--soft)}.wide{overflow-x:auto}.found{min-width:17rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
.number{text-align:right;white-space:nowrap}
.ok{color:var(--ok)}.drift{color:var(--drift)}.few{color:var(--few)}.state{font-weight:600;white-space:nowrap}
figure{margin:1rem 0 1.6rem;break-inside:avoid}svg{width:100%;max-width:34rem;height:auto;display:block}
svg.swatch{display:inline;width:12px}
svg text{font-size:12px;fill:var(--text)}.had{fill:var(--had)}.has{fill:var(--has)}.line{stroke:var(--soft)}
.has-line{stroke:var(--has);fill:none;stroke-width:2}
summary{cursor:pointer;margin:1rem 0}
@media print{body{max-width:none;padding:0}}
"""


def page(report: Mapping[str, Any]) -> bytes:
    """The page of a report as `look` gives it."""
    title = f"Drift of {report['model']} {report['version']}"
    body = "".join(_body(report, title))
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'><title>{escape(title)}</title>"
    policy = "<meta http-equiv=content-security-policy content=\"default-src 'none';style-src 'unsafe-inline'\">"
    return f"<!doctype html><html lang=en><head>{head}{policy}<style>{_STYLE}</style></head><body>{body}</body></html>\n".encode()


def _body(report: Mapping[str, Any], title: str) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1><p class=soft>{_period(report)}</p>"
    yield f"<p>{_state(report['state'])} {escape(report['sentence'])}</p>"
    yield from (f"<p>{escape(one['sentence'])}</p>" for one in report["truth"].values())
    if damage := {name: count for name, count in report["damage"].items() if count}:
        yield f"<p class=few>Not readable: {escape(', '.join(f'{count} {name}' for name, count in damage.items()))}.</p>"
    yield f"<h2>All series</h2>{_table(report['fields'])}"
    drifted = [one for one in report["fields"] if one["state"] == "DRIFT"]
    if drifted:
        yield f"<h2>What drifted</h2>{_legend()}{''.join(map(_figure, drifted))}"
    if report["truth"]:
        told = "".join(_truth(name, one) for name, one in report["truth"].items())
        yield f"<h2>Where feedback tells the truth</h2>{told}"
    others = [one for one in report["fields"] if one["bins"] and one["state"] != "DRIFT"]
    if others:
        yield f"<details><summary>The others</summary>{_legend()}{''.join(map(_figure, others))}</details>"
    yield (
        f"<p class=soft>A series drifted when its p-value, corrected by Holm's method for all of them, is at most "
        f"{report['alpha']:g} and its Jensen-Shannon distance at least {report['bound']:g}. PSI is the population stability "
        "index.</p>"
    )


def _period(report: Mapping[str, Any]) -> str:
    longest = report["windows"][-1]
    return f"{escape(longest['begins'])} to {escape(report['when'])}, {report['rows']:,} rows"


def _state(state: str) -> str:
    kind, words = _STATES[state]
    return f"<span class='state {kind}'>{words}</span>"


def _table(fields: Sequence[Mapping[str, Any]]) -> str:
    heads = ("Series", "State", "Of", "Statistic", "p", "PSI", "Distance", "What was found")
    head = "".join(f"<th{' class=number' if 3 <= place <= 6 else ''}>{name}</th>" for place, name in enumerate(heads))
    return _wide("All series", f"<tr>{head}</tr>{''.join(map(_row, fields))}")


def _wide(name: str, rows: str) -> str:
    """A table that a narrow screen scrolls, by keys too."""
    return f"<div class=wide tabindex=0 role=region aria-label='{name}'><table>{rows}</table></div>"


def _row(field: Mapping[str, Any]) -> str:
    told = next((one for one in field["windows"] if one["days"] == field["telling"]), None)
    names = ("statistic", "p_corrected", "psi", "distance")
    numbers = [f"{told[name]:.3g}" if told else "" for name in names]
    cells = "".join(f"<td class=number>{number}</td>" for number in numbers)
    name, sentence = escape(field["name"]), escape(field["sentence"])
    return f"<tr><td>{name}</td><td>{_state(field['state'])}</td><td>{field['of']}</td>{cells}<td class=found>{sentence}</td></tr>"


def _legend() -> str:
    return f"<p class=soft>{_swatch('had')} training {_swatch('has')} now; shares of the rows</p>"


def _swatch(kind: str) -> str:
    return f"<svg class=swatch viewBox='0 0 12 12' aria-hidden=true><rect class={kind} width=12 height=12 /></svg>"


def _figure(field: Mapping[str, Any]) -> str:
    """Bars of the shares, training above now; of many the largest differences."""
    bins = field["bins"]
    every = list(zip(bins["labels"], bins["baseline"], bins["current"], strict=True))
    shown = sorted(range(len(every)), key=lambda place: -abs(every[place][1] - every[place][2]))[:_SHOWN]
    bars = [every[place] for place in sorted(shown)]
    largest = max((max(had, has) for _, had, has in bars), default=0) or 1
    drawn = "".join(_bars(place, *bar, largest) for place, bar in enumerate(bars))
    size = f"viewBox='0 0 {_WIDTH} {_ROW * len(bars) + 4}'"
    text = escape(f"{field['name']}: {field['sentence']}", quote=True)
    caption = f"<figcaption><h3>{escape(field['name'])}</h3><p class=soft>{escape(field['sentence'])}</p></figcaption>"
    return f'<figure>{caption}<svg {size} role=img aria-label="{text}">{drawn}</svg></figure>'


def _bars(place: int, label: str, had: float, has: float, largest: float) -> str:
    top, room = place * _ROW + 2, _WIDTH - _LABEL - 60
    name = escape(label if len(label) <= 24 else f"{label[:23]}…")
    ends = f"<text x='{_LABEL + 8 + room * max(had, has) / largest:.1f}' y='{top + 13}'>{100 * has:.1f} %</text>"
    return (
        f"<text x='{_LABEL - 6}' y='{top + 13}' text-anchor='end'>{name}</text>"
        f"<rect class=had x='{_LABEL}' y='{top}' width='{room * had / largest:.1f}' height='8' />"
        f"<rect class=has x='{_LABEL}' y='{top + 9}' width='{room * has / largest:.1f}' height='8' />{ends}"
    )


def _truth(name: str, target: Mapping[str, Any]) -> str:
    numbers = "".join(f"<th class=number>{head}</th>" for head in ("Now", "95 % interval", "In training"))
    heads = f"<tr><th>Metric</th>{numbers}<th></th></tr>"
    rows = "".join(
        f"<tr><td>{escape(one['name'].replace('_', ' '))}</td><td class=number>{one['value']:.3g}</td>"
        f"<td class=number>{one['low']:.3g} to {one['high']:.3g}</td>"
        f"<td class=number>{_before(one)}</td>"
        f"<td>{'<span class=drift>significantly worse</span>' if one['fell'] else ''}</td></tr>"
        for one in target["measures"]
    )
    note = "Answers with feedback are no fair sample of all answers."
    head = f"<h3>{escape(name)}, {target['rows']:,} answers with feedback</h3><p class=soft>{note}</p>"
    return f"{head}{_wide('Metrics', heads + rows)}{_daily(name, target['days'])}"


def _before(measure: Mapping[str, Any]) -> str:
    """What training measured, and what as many rows as now would have had."""
    if measure["trained"] is None:
        return ""
    few = "" if measure["expected"] is None else f" ({measure['expected']:.3g} of as few rows)"
    return f"{measure['trained']:.3g}{few}"


def _daily(name: str, days: Sequence[Mapping[str, Any]]) -> str:
    """The share that the days have, with its interval."""
    shares = [(day["begins"][:10], one) for day in days for one in day["measures"] if one["name"] in _SHARES]
    if len(shares) < 2:
        return ""
    width, height, step = _WIDTH, 120, (_WIDTH - 60) / (len(shares) - 1)

    def y(share: float) -> float:
        return 10 + (height - 20) * (1 - share)

    spots = [(f"{40 + step * place:.1f}", one) for place, (_, one) in enumerate(shares)]
    points = " ".join(f"{x},{y(one['value']):.1f}" for x, one in spots)
    spans = "".join(
        f"<line class=line x1='{x}' x2='{x}' y1='{y(one['low']):.1f}' y2='{y(one['high']):.1f}' />"
        f"<circle class=has cx='{x}' cy='{y(one['value']):.1f}' r='3' />"
        for x, one in spots
    )
    axis = "".join(f"<text x='0' y='{y(share) + 4:.1f}'>{share:.0%}</text>" for share in (0.0, 0.5, 1.0))
    ends = f"<text x='40' y='{height + 12}'>{escape(shares[0][0])}</text>"
    ends += f"<text x='{width - 4}' y='{height + 12}' text-anchor='end'>{escape(shares[-1][0])}</text>"
    metric = escape(shares[0][1]["name"])
    text = escape(f"{metric} of {name} by day", quote=True)
    svg = f"<polyline class=has-line points='{points}' />{spans}{axis}{ends}"
    caption = f"<figcaption class=soft>{metric} by day, with intervals of 95 %</figcaption>"
    return (
        f'<figure>{caption}<svg viewBox="0 0 {width} {height + 18}" role=img aria-label="{text}">{svg}</svg></figure>'
    )
