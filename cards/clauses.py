"""Clauses as people are shown them: the printed heading and which point under it. Their ids stay in machine forms."""

from collections.abc import Iterable

from cards.texts import listed, say
from domain.people import School

_MOST_CLAUSES = 4


def points(school: School, cites: Iterable[str]) -> list[str]:
    """The clauses as they are printed, the points under one heading together."""
    by_heading: dict[str, list[int]] = {}
    for cited in (school.policy.cite(c) for c in list(cites)[:_MOST_CLAUSES]):
        by_heading.setdefault(cited.heading, []).append(cited.point)
    return [_printed(heading, points) for heading, points in by_heading.items()]


def _printed(heading: str, points: list[int]) -> str:
    if len(points) == 1:
        return say("receipt.clause", heading=heading, point=points[0])
    return say("receipt.clauses", heading=heading, points=listed(map(str, points), "and"))
