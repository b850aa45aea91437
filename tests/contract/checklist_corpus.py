"""The policy's steps for a case, the fields in which a person decides, and whom to turn to: every school's, in every state."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import count, cycle

from cards.checklist import agencies_section, checklist_parts, decision_fields, kind_fields
from cards.model import Form, Part
from domain.agencies import Contact, offered
from domain.checklists import Checklist, ChooseKind, Earlier, NotInGrid, Repeats, suggest
from domain.grids import Times
from domain.people import School
from domain.words import About, Role

TODAY = date(2026, 11, 17)
EARLIER = tuple(Earlier(f"i{n}", date(2026, 10, n), "off_task") for n in (1, 2, 9))


def checklist_entries(schools: Iterable[School], nasty: Iterable[str]) -> Iterator[tuple[str, Form]]:
    """Every kind of incident of every grid, every reason for having none, and every agency."""
    for school in schools:
        yield from (_form(f"{school.policy.id}, {name}", parts) for name, parts in _steps(school))
        yield from (_form(f"{school.policy.id}, {name}", parts) for name, parts in _decisions(school, nasty))
        found = offered(school.policy.guidance.agencies, school.agencies, "grooming", About.STAFF)
        yield _form(f"{school.policy.id}, agencies", agencies_section(school, found))
    agencies = school.policy.guidance.agencies
    filled = {a.id: Contact("01632 960201", "team@example.gov.uk", "https://team.example.gov.uk", "The team") for a in agencies}
    for name, contacts in (("filled in", filled), ("not filled in", {})):
        found = offered(agencies, contacts, "nude_image", About.STAFF, Role)
        yield _form(f"all agencies, {name}", agencies_section(school, found))
    yield _form("no grid", (*checklist_parts(school, NotInGrid(None)), *agencies_section(school, ())))


def _form(name: str, parts: tuple[Part, ...]) -> tuple[str, Form]:
    return f"checklist: {name}", Form("checklist", "Case CSS-2026-0042", parts, "Save")


def _steps(school: School) -> Iterator[tuple[str, tuple[Part, ...]]]:
    grid = school.policy.grid
    assert grid is not None
    counted = (
        Repeats(Times.FIRST, ()),
        Repeats(Times.SECOND, EARLIER[:1]),
        Repeats(Times.MORE, EARLIER),
        Repeats(Times.SECOND, (), told=True),
    )
    for kind, repeats, turn in zip(grid.kinds.values(), cycle(counted), count(), strict=False):
        about = sorted(kind.about)[turn % len(kind.about)]
        suggestion = suggest(school.policy, min(kind.concerns), about, repeats.times, kind=kind.id)
        yield f"kind {kind.id} about {about}", checklist_parts(school, suggestion, repeats)
    for number, reason in enumerate(grid.no_row):
        yield f"no row {number}", checklist_parts(school, NotInGrid(reason))
    for concern in school.policy.concerns:
        suggestion = suggest(school.policy, concern, About.PUPIL, Times.FIRST)
        if isinstance(suggestion, ChooseKind):
            yield f"kinds of {concern}", checklist_parts(school, suggestion)


def _decisions(school: School, nasty: Iterable[str]) -> Iterator[tuple[str, tuple[Part, ...]]]:
    for concern in school.policy.concerns:
        suggestion = suggest(school.policy, concern, About.PUPIL, Times.FIRST)
        if isinstance(suggestion, ChooseKind):
            yield f"choose for {concern}", kind_fields(school.policy, suggestion.kinds, "", Times.FIRST)
        elif isinstance(suggestion, Checklist):
            definite = [i.action.id for i in suggestion.items if i.laid_down]
            yield f"decide on {concern}", decision_fields(school, suggestion, definite)
            last = suggestion
    text = next(iter(nasty))
    yield "decide, filled in", decision_fields(school, last, (), text, text)
    bare = replace(school.policy, grid=None)
    yield "choose, once the grid has gone", kind_fields(bare, (), "none", Times.MORE)
