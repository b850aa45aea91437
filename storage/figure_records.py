"""What figures are made of, and what was published of each term."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.case_changes import ChangeKind, Result
from domain.figures import Counted, Figures, Season, Span, of_kept
from domain.incident import Why
from domain.people import Kind
from domain.words import IncidentState, ParticipantRole, Role
from storage import sealed as s
from storage import tables as t
from storage.vault import SchoolKeys

_INVOLVED = (ParticipantRole.TARGET, ParticipantRole.ALLEGED_PERPETRATOR)
_OVER = frozenset({IncidentState.CLOSED, IncidentState.SIGNED_OFF})


class FigureRecords:
    """The part of a school's records that has to do with figures."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def counted(self, since: datetime, until: datetime, shown_to: Collection[str]) -> list[Counted]:
        """The reports from a moment until before another that any of these people may know of, erased ones too.

        Left out are private ones, those that shut out one of the people whom figures are shown to, and those that were merged
        into another.
        """
        i, a, x, ch = t.incidents.c, t.audit.c, t.exclusions.c, t.case_changes.c
        here = and_(i.school == self._school, i.reported_at >= since, i.reported_at < until)
        shut_out = select(x.incident_id).where(x.person_id.in_(list(shown_to)), x.why != Why.DISMISSED)
        of_figures = (here, ~i.private, i.state != IncidentState.MERGED, i.id.notin_(shut_out))
        columns = (i.id, i.reported_at, i.due_at, i.concern, i.state, i.route)
        rows = (await self._c.execute(select(*columns).where(*of_figures))).all()
        first = (
            select(a.incident_id, func.min(a.at).label("at"))
            .join(t.incidents, and_(i.school == a.school, i.id == a.incident_id))
            .where(*of_figures, a.action == "alert.acknowledged")
            .group_by(a.incident_id)
        )
        answered = {r.incident_id: r.at for r in await self._c.execute(first)}
        ended = select(ch.incident_id, ch.code).join(t.incidents, i.id == ch.incident_id)
        of_closed = ended.where(*of_figures, ch.kind == ChangeKind.CLOSED).order_by(ch.at, ch.id)
        results = {r.incident_id: r.code for r in await self._c.execute(of_closed)}
        forms = await self._forms(*of_figures)
        return [
            Counted(
                row.id,
                row.reported_at,
                row.due_at,
                row.concern,
                next((Role(role) for role in row.route["notify"]), None),
                row.state in _OVER,
                answered.get(row.id),
                tuple(forms.get(row.id, ())),
                Result(said) if (said := results.get(row.id)) in set(Result) else None,
            )
            for row in rows
        ]

    async def _forms(self, *of_figures: ColumnElement[bool]) -> dict[str, list[str]]:
        """The forms of the pupils in each of these cases who are on the list, as they are called now."""
        p, who = t.people.c, t.participants.c
        pairs = (
            select(who.incident_id, who.person_id)
            .join(t.incidents, t.incidents.c.id == who.incident_id)
            .where(*of_figures, who.role.in_(_INVOLVED), who.person_id.is_not(None))
        )
        involved = (await self._c.execute(pairs)).all()
        listed = select(t.people).where(p.school == self._school, p.kind == Kind.PUPIL, p.active)
        form = {row.id: s.opened_person(self._keys, row)[1].form for row in await self._c.execute(listed)} if involved else {}
        found: dict[str, list[str]] = {}
        for incident_id, person_id in involved:
            if person_id in form:
                found.setdefault(incident_id, []).append(form[person_id])
        return found

    async def first_report(self) -> datetime | None:
        """When the first report of all was made; None where there is none."""
        i = t.incidents.c
        found: datetime | None = await self._c.scalar(select(func.min(i.reported_at)).where(i.school == self._school))
        return found

    async def add_figures(self, figures: Figures) -> bool:
        """Keeps what is published of a term. False if another process was first."""
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        statement = add(t.figures).values(
            id=figures.id,
            school=self._school,
            year=figures.span.year,
            season=figures.span.season,
            first_day=figures.span.first,
            last_day=figures.span.last,
            made_at=figures.made_at,
            published=figures.kept(),
        )
        return bool((await self._c.execute(statement.on_conflict_do_nothing())).rowcount)

    async def figures(self) -> list[Figures]:
        """What was published of each term, in order."""
        f = t.figures.c
        query = select(t.figures).where(f.school == self._school).order_by(f.first_day)
        return [_figures(row) for row in await self._c.execute(query)]


def _figures(row: Row[Any]) -> Figures:
    span = Span(row.first_day, row.last_day, Season(row.season), row.year)
    return of_kept(span, row.made_at, row.published, row.id)
