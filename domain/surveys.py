"""Surveys of pupils and of parents: questions with choices, asked of whoever has a link, and counted without anybody's answers.

What is published of one is brought to multiples of a base, as figures are (docs/adr/0022), and a later publication may never be
told from an earlier one by fewer people than the base. docs/adr/0035.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

SKIP = "skip"
"""The choice that every question has besides its own: whoever answers would rather not say. Nobody has to say anything."""
USUALLY_OPEN = timedelta(days=14)
LONGEST_OPEN = timedelta(days=120)
CLOSES = "survey_closes"
"""The field of the forms that open one and that extend one: until when it is."""
_TOTAL = ""
_MOST_ATTEMPTS = 1000
"""No survey has needed forty."""


@dataclass(frozen=True, slots=True)
class SurveyQuestion:
    """A question of a survey, and what can be chosen: a label for each value. The choice not to say is not among them."""

    id: str
    text: str
    choices: Mapping[str, str]

    @property
    def values(self) -> tuple[str, ...]:
        """Every value that an answer may have."""
        return (*self.choices, SKIP)


@dataclass(frozen=True, slots=True)
class SurveyType:
    """A survey that a school may run, as its policy's folder or the shared file has it."""

    id: str
    title: str
    about: str
    questions: tuple[SurveyQuestion, ...]
    cites: tuple[str, ...] = ()

    def kept(self) -> dict[str, Any]:
        """The questions as they are kept with a survey that was opened: later it may be worded otherwise."""
        asked = [{"id": q.id, "text": q.text, "choices": list(q.choices.items())} for q in self.questions]
        return {"title": self.title, "about": self.about, "questions": asked, "cites": list(self.cites)}


def type_of_kept(type_id: str, kept: Mapping[str, Any]) -> SurveyType:
    """The questions of what was kept."""
    questions = tuple(SurveyQuestion(q["id"], q["text"], dict(q["choices"])) for q in kept["questions"])
    return SurveyType(type_id, kept["title"], kept["about"], questions, tuple(kept["cites"]))


Counts = Mapping[str, Mapping[str, int]]
"""How often each value of each question was chosen."""


@dataclass(frozen=True, slots=True)
class SurveyFigures:
    """What was published of a survey: multiples of `base`, none of them exact."""

    base: int
    total: int
    counts: Counts

    @property
    def off(self) -> int:
        """How much too high or too low a number may be."""
        return self.base - 1

    def share(self, question: str, value: str) -> int | None:
        """How many in a hundred chose that, as far as the published numbers say; None where that were too few to say."""
        rows = self.counts.get(question, {})
        return round(100 * rows[value] / sum(rows.values())) if rows.get(value) else None

    def kept(self) -> dict[str, Any]:
        """As it is kept."""
        return {"base": self.base, "total": self.total, "counts": {q: dict(rows) for q, rows in self.counts.items()}}


def figures_of_kept(kept: Mapping[str, Any]) -> SurveyFigures:
    """The figures of what was kept."""
    return SurveyFigures(kept["base"], kept["total"], kept["counts"])


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey that was opened. `base`: the school's, when it was. `seen`: how many answers are in what is published.

    `lot`: where each of its numbers tips over from one multiple of the base to the next, which nobody is shown.
    """

    id: str
    type: SurveyType
    opened_by: str
    opened_at: datetime
    closes_at: datetime
    base: int
    closed_at: datetime | None = None
    seen: int = 0
    lot: str = ""
    published: SurveyFigures | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether it takes answers."""
        return self.closed_at is None and now < self.closes_at

    def ended_at(self, now: datetime) -> datetime | None:
        """When it stopped taking answers; None while it does."""
        return None if self.is_open(now) else min(self.closed_at or self.closes_at, self.closes_at)

    @property
    def longest(self) -> datetime:
        """The last moment until which it may be extended."""
        return self.opened_at + LONGEST_OPEN


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published of a survey, of how many answers, and the lot that it was made with."""

    figures: SurveyFigures
    seen: int
    lot: str


def publication(survey: Survey, total: int, counts: Counts, seed: str) -> Publication | None:
    """What may be published now that could not be before; None where nothing may.

    It takes as many answers as the base, and as many more as the base since the last one, so that nobody's answers can be told
    by looking twice. `seed`: chance, for a survey of which nothing was published; later its numbers tip over where they did.
    """
    if total < survey.base or total - survey.seen < survey.base:
        return None
    lots = (survey.lot,) if survey.lot else (f"{seed}|{attempt}" for attempt in range(_MOST_ATTEMPTS))
    for lot in lots:
        figures = _brought(survey, total, counts, lot)
        since = _since(survey.published, figures) if survey.published is not None else figures
        if not _tells_too_much(figures) and not _tells_too_much(since):
            return Publication(figures, total, lot)
    return None


def _since(before: SurveyFigures, now: SurveyFigures) -> SurveyFigures:
    """What two publications say of those who answered between them: multiples of the base too, and as far off."""
    rows = {q: {v: n - before.counts[q][v] for v, n in found.items()} for q, found in now.counts.items()}
    return SurveyFigures(now.base, now.total - before.total, rows)


def _brought(survey: Survey, total: int, counts: Counts, lot: str) -> SurveyFigures:
    def brought(question: str, value: str, count: int) -> int:
        digest = sha256(f"{lot}|{question}|{value}".encode()).digest()
        # As likely to go up as makes it right on the average, and once it has it does not come down again.
        return (count + int.from_bytes(digest[:8]) % survey.base) // survey.base * survey.base

    rows = {q.id: {v: brought(q.id, v, counts.get(q.id, {}).get(v, 0)) for v in q.values} for q in survey.type.questions}
    return SurveyFigures(survey.base, brought(_TOTAL, _TOTAL, total), rows)


def _tells_too_much(figures: SurveyFigures) -> bool:
    """Whether a number that may be small could be fewer different ones than the base, whatever is put together with what.

    Everybody who answered is counted once in each question. It is seen from what is published alone.
    """
    base = figures.base
    spans = {q: [_span(n, base) for n in rows.values()] for q, rows in figures.counts.items()}
    whole = [_span(figures.total, base), *((sum(a for a, _ in found), sum(b for _, b in found)) for found in spans.values())]
    # That as many as the base have answered is said by there being a page.
    least, most = max(base, *(low for low, _ in whole)), min(high for _, high in whole)
    return any(high > 0 and low < base and high - low < base - 1 for low, high in _possible(spans.values(), least, most))


def _span(number: int, base: int) -> tuple[int, int]:
    return max(0, number - base + 1), number + base - 1


def _possible(rows: Any, least: int, most: int) -> Iterator[tuple[int, int]]:
    for row in rows:
        lows, highs = sum(low for low, _ in row), sum(high for _, high in row)
        for low, high in row:
            yield max(low, least - (highs - high)), min(high, most - (lows - low))


@dataclass(frozen=True, slots=True)
class SurveyMenu:
    """What may be opened, and what was, the newest first. `address`: of the public page; empty where it is switched off."""

    types: tuple[SurveyType, ...]
    surveys: tuple[Survey, ...]
    address: str
    now: datetime


@dataclass(frozen=True, slots=True)
class SurveyOpening:
    """The form that opens a survey. `state` is handed back with it."""

    type: SurveyType
    state: str
    closes_at: datetime | None
    faults: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SurveyExtension:
    """The form that moves the end of a survey that is open to a later day. `closes_at`: what stands in the field."""

    survey: Survey
    closes_at: datetime | None
    faults: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SurveyPage:
    """A survey as those who run it see it. `before`: the last one of the same kind before it of which anything was published.

    `link`: for whoever opened it, as long as it takes answers; else empty.
    """

    survey: Survey
    now: datetime
    link: str = ""
    before: Survey | None = None
    opened_by: str = ""


@dataclass(frozen=True, slots=True)
class SurveySheet:
    """A survey as whoever has the link sees it. `page` is handed back with the answers, so that a double press counts once.

    `chosen`: what was chosen, as far as it can be; `faults`: what is wrong, by question. `stale`: it came from no page of ours.
    """

    type: SurveyType
    page: str
    closes_at: datetime
    chosen: Mapping[str, str]
    faults: Mapping[str, Any]
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """The answers are counted, now or by the same page before."""

    title: str


def same_question(question: SurveyQuestion, before: Survey | None) -> bool:
    """Whether an earlier survey asked the very same, so that its numbers may stand beside these."""
    return before is not None and question in before.type.questions
