"""What was measured: a figure with its unit, its goal and the floor beside it; and how a page of docs shows all of them.

A part can be measured by itself, on another day or another machine than the rest. What was measured is kept in
`docs/performance.json`; the page and its picture are made of that, and say of each part when and on what it was measured.
"""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

DOCS = Path(__file__).parents[2] / "docs"
_SHORTEST_SHARE = 0.008
_WIDE = 1010
_LEFT, _RIGHT = 430, 130
_ROW, _HEAD = 26, 44


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured.

    `goal` is the most there may be, or the least where `at_least`; None where the figure stands for itself. `floor` is what
    nothing could beat, measured in the same run, in the same unit.
    """

    part: str
    name: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False
    floor: float | None = None
    floor_name: str = ""
    means: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def shown(self) -> str:
        return f"{number(self.value)} {self.unit}".strip()

    @property
    def goal_shown(self) -> str:
        if self.goal is None:
            return ""
        return f"{'≥' if self.at_least else '≤'} {number(self.goal)} {self.unit}" if self.goal else "none"

    @property
    def floor_shown(self) -> str:
        return "" if self.floor is None else f"{number(self.floor)} {self.unit}"

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "**missed**"}[self.met]


def number(value: float) -> str:
    """Three digits that count, and no more."""
    size = abs(value)
    if size == 0 or size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"


def show(figures: Sequence[Figure]) -> None:
    """Prints them, one a line."""
    for f in figures:
        rest = [f"goal: {f.goal_shown}{'' if f.met else ' MISSED'}"] if f.goal is not None else []
        rest += [f"{f.floor_name or 'floor'}: {f.floor_shown}"] if f.floor is not None else []
        print(f"{f.name:58} {number(f.value):>8} {f.unit:9} {'; '.join(rest)}")
    print(flush=True)


@dataclass(frozen=True, slots=True)
class Measured:
    """A part as it was measured last."""

    on: str
    machine: str
    figures: tuple[Figure, ...]


def write(found: Mapping[str, Sequence[Figure]], titles: Mapping[str, str], folder: Path = DOCS) -> None:
    """Keeps what was found of these parts in place of what was known of them, and writes the page and its picture anew.

    `titles`: of every part there is, in their order. A part that is no more is forgotten.
    """
    kept = folder / "performance.json"
    known = (
        {name: _measured(part) for name, part in json.loads(kept.read_text(encoding="utf-8")).items()} if kept.exists() else {}
    )
    on = f"{datetime.now(UTC):%-d %B %Y}"
    known |= {name: Measured(on, machine(), tuple(figures)) for name, figures in found.items()}
    parts = {name: known[name] for name in titles if name in known}
    kept.write_text(json.dumps({n: asdict(p) for n, p in parts.items()}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "performance.md").write_text(_page(parts, titles), encoding="utf-8")
    (folder / "images" / "performance.svg").write_text(_picture(parts, titles), encoding="utf-8")


def _measured(part: Mapping[str, Any]) -> Measured:
    return Measured(part["on"], part["machine"], tuple(Figure(**f) for f in part["figures"]))


def _page(parts: Mapping[str, Measured], titles: Mapping[str, str]) -> str:
    figures = [f for part in parts.values() for f in part.figures]
    missed = [f for f in figures if f.met is False]
    held = sum(f.met is True for f in figures)
    lines = [
        "# Performance",
        "",
        "Written by `make bench ARGS=--write`; `make bench` measures the same and only prints. Numbers depend on the machine.",
        "Where a floor stands beside a figure, it was measured in the same run: the distance between the two carries over.",
        "",
        "![Each figure as a share of its goal](images/performance.svg)",
        "",
        f"Of {held + len(missed)} goals {held} are met." + ("" if missed else " None is missed."),
    ]
    if missed:
        lines += ["", "Missed:", "", *(f"- {f.name}: {f.shown}, goal {f.goal_shown}" for f in missed)]
    for name, part in parts.items():
        lines += ["", f"## {titles[name]}", "", f"Measured on {part.on}: {part.machine}.", ""]
        lines += ["| what | measured | goal | | floor |", "|---|---:|---:|---|---|"]
        for f in part.figures:
            floor = f"{f.floor_shown} ({f.floor_name})" if f.floor is not None and f.floor_name else f.floor_shown
            lines.append(f"| {f.name} | {f.shown} | {f.goal_shown} | {f.verdict} | {floor} |")
        said = dict.fromkeys(f.means for f in part.figures if f.means)
        if said:
            lines += ["", *(f"- {means}" for means in said)]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """The machine, in a few words that name nobody."""
    found = Path("/proc/cpuinfo")
    names = found.read_text().splitlines() if found.exists() else []
    model = next((n.partition(":")[2].strip() for n in names if n.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    python = sys.version.split()[0]
    return f"{os.cpu_count()} processors ({model}), {memory:.0f} GB of memory, {platform.system()}, Python {python}"


def _picture(parts: Mapping[str, Measured], titles: Mapping[str, str]) -> str:
    """A bar for each figure with a goal: how much of what is allowed it takes. A bar that passes the line misses its goal."""
    rows: list[str] = []
    y = 62.0
    widest = _WIDE - _LEFT - _RIGHT
    goal_at = widest * 2 / 3
    for part, measured in parts.items():
        own = [f for f in measured.figures if f.goal]
        if not own:
            continue
        rows.append(f'<text class="part" x="20" y="{y + 22:.0f}">{escape(titles[part])}</text>')
        y += _HEAD - 10
        for f in own:
            assert f.goal is not None
            share = (f.goal / f.value if f.at_least else f.value / f.goal) if f.value else 0.0
            length = min(max(share, _SHORTEST_SHARE) * goal_at, widest)
            kind = "good" if f.met else "bad"
            rows += [
                f'<text class="name" x="{_LEFT - 12}" y="{y + 16:.0f}">{escape(f.name)}</text>',
                f'<rect class="{kind}" x="{_LEFT}" y="{y + 4:.0f}" width="{length:.1f}" height="16" rx="3"/>',
                f'<text class="value" x="{_LEFT + max(length, goal_at) + 8:.1f}" y="{y + 16:.0f}">{escape(f.shown)}'
                f'<tspan class="goal">, goal {escape(f.goal_shown)}</tspan></text>'
                if length <= goal_at
                else f'<text class="value" x="{_LEFT + length + 8:.1f}" y="{y + 16:.0f}">{escape(f.shown)}</text>',
            ]
            if share * goal_at > widest:
                end = _LEFT + widest - 14
                rows.append(f'<path class="cut" d="M{end - 4:.1f} {y + 22:.0f} L{end + 4:.1f} {y + 2:.0f}"/>')
            y += _ROW
        y += 10
    height = y + 16
    size = f'viewBox="0 0 {_WIDE + 60} {height:.0f}" width="{_WIDE + 60}" height="{height:.0f}"'
    line = f'<line class="line" x1="{_LEFT + goal_at:.1f}" y1="56" x2="{_LEFT + goal_at:.1f}" y2="{y:.0f}"/>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
            '<title id="title">Each figure as a share of its goal</title>',
            '<desc id="desc">A bar for each figure that has a goal; one that ends before the line meets it.</desc>',
            _STYLE,
            f'<rect class="page" x="0.5" y="0.5" width="{_WIDE + 59}" height="{height - 1:.0f}" rx="10"/>',
            '<text class="title" x="20" y="34">Each figure as a share of its goal: the shorter, the better</text>',
            f'<text class="goal at" x="{_LEFT + goal_at:.1f}" y="52">the goal</text>',
            line,
            *rows,
            "</svg>",
            "",
        ]
    )


_STYLE = """<style>
.page { fill: #ffffff; stroke: #d5dae1 }
text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-size: 12.5px; fill: #1b2330 }
.title { font-size: 17px; font-weight: 600 }
.part { font-size: 14px; font-weight: 600 }
.name { text-anchor: end; fill: #3c4757 }
.value { font-weight: 600 }
.goal { font-weight: 400; fill: #55606f }
.at { text-anchor: middle }
.good { fill: #2c9460 }
.bad { fill: #c2570c }
.cut { stroke: #ffffff; stroke-width: 4 }
.line { stroke: #4d5969; stroke-width: 1.5; stroke-dasharray: 4 4 }
@media (prefers-color-scheme: dark) {
  .page { fill: #12161c; stroke: #303946 }
  .cut { stroke: #12161c }
  text { fill: #e9edf3 }
  .name { fill: #c3ccd8 }
  .goal { fill: #a3afbf }
  .good { fill: #4cc38a }
  .bad { fill: #f08c4a }
  .line { stroke: #9aa6b5 }
}
</style>"""
