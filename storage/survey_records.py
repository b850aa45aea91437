"""Surveys: what was opened, and how often each choice was made. Of an answer nothing is kept but that it counts."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from secrets import token_hex
from typing import Any

from sqlalchemy import and_, case, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.surveys import Counts, Publication, Survey, figures_of_kept, type_of_kept
from storage import tables as t
from storage.vault import SchoolKeys

_ALL = ""
"""What stands for the question, and for the choice, of the number of all answers."""
_PAGE = 32
"""Characters of a page's own part."""


class SurveyRecords:
    """The part of a school's records that has to do with surveys."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def add_survey(self, survey: Survey) -> None:
        """Opens one, nothing counted yet."""
        row = {
            "id": survey.id,
            "school": self._school,
            "type": survey.type.id,
            "asked": survey.type.kept(),
            "token": _digest(await self.survey_token(survey.id)),
            "opened_by": survey.opened_by,
            "opened_at": survey.opened_at,
            "closes_at": survey.closes_at,
            "base": survey.base,
        }
        await self._c.execute(insert(t.surveys).values(**row))
        cells = [(_ALL, _ALL), *((q.id, value) for q in survey.type.questions for value in q.values)]
        rows = [{"survey_id": survey.id, "question": q, "choice": value, "times": 0} for q, value in cells]
        await self._c.execute(insert(t.survey_counts), rows)

    async def survey(self, survey_id: str, *, hold: bool = True) -> Survey | None:
        """One of the school's, held until the end of the transaction on PostgreSQL."""
        s = t.surveys.c
        query = select(t.surveys).where(s.id == survey_id, s.school == self._school)
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return _survey(row) if row is not None else None

    async def surveys(self, type_id: str = "", *, before: datetime | None = None, most: int) -> list[Survey]:
        """Those of a type, or all, the newest first. `before`: only those that were opened before that."""
        s = t.surveys.c
        query = select(t.surveys).where(s.school == self._school)
        if type_id:
            query = query.where(s.type == type_id)
        if before is not None:
            query = query.where(s.opened_at < before)
        rows = await self._c.execute(query.order_by(s.opened_at.desc(), s.id.desc()).limit(most))
        return [_survey(row) for row in rows]

    async def extend_survey(self, survey_id: str, until: datetime) -> None:
        """Answers are taken until then."""
        s = t.surveys.c
        await self._c.execute(update(t.surveys).where(s.id == survey_id, s.school == self._school).values(closes_at=until))

    async def close_survey(self, survey_id: str, at: datetime) -> None:
        """No answer is taken from then on. Which pages were sent in is forgotten."""
        s = t.surveys.c
        await self._c.execute(update(t.surveys).where(s.id == survey_id, s.school == self._school).values(closed_at=at))
        await self._c.execute(delete(t.survey_sends).where(t.survey_sends.c.survey_id == survey_id))

    async def survey_token(self, survey_id: str) -> str:
        """What stands in its link: nobody can guess it, and it is made of the school's key anew, so that it is kept nowhere."""
        made = self._keys.records.mark(f"survey|{self._school}|{survey_id}".encode())
        return urlsafe_b64encode(made).decode().rstrip("=")

    async def school_of_survey(self, token: str) -> str | None:
        """Which school has the survey whose link that is, whatever school this is. Nothing else of it is read."""
        s = t.surveys.c
        return (await self._c.execute(select(s.school).where(s.token == _digest(token)))).scalar()

    async def survey_of_token(self, token: str, *, hold: bool = True) -> Survey | None:
        """The one whose link that is, open or not."""
        s = t.surveys.c
        query = select(t.surveys).where(s.token == _digest(token), s.school == self._school)
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return _survey(row) if row is not None else None

    async def new_survey_page(self, survey_id: str) -> str:
        """What a page of it carries that is shown to somebody: drawn by lot, and marked as ours."""
        own = token_hex(_PAGE // 2)
        return own + self._page_mark(survey_id, own)

    async def is_survey_page(self, survey_id: str, page: str) -> bool:
        """Whether a page of it was shown with that."""
        own = page[:_PAGE]
        return compare_digest(page.encode(), (own + self._page_mark(survey_id, own)).encode())

    async def count_answer(self, survey: Survey, page: str, chosen: Mapping[str, str]) -> bool:
        """Counts what somebody chose, by question. False if their page was sent in before. The survey must be held.

        Every count is written anew, not only those that grow: else a database could tell by its rows what was chosen together.
        """
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        sent = add(t.survey_sends).values(survey_id=survey.id, page=_digest(page)).on_conflict_do_nothing()
        if not (await self._c.execute(sent)).rowcount:
            return False
        c = t.survey_counts.c
        cells = [(_ALL, _ALL), *chosen.items()]
        grows = or_(*(and_(c.question == question, c.choice == value) for question, value in cells))
        counted = update(t.survey_counts).where(c.survey_id == survey.id).values(times=c.times + case((grows, 1), else_=0))
        await self._c.execute(counted)
        return True

    async def survey_counts(self, survey_id: str) -> tuple[int, Counts]:
        """How many have answered, and how often each choice was made. Exact: what is shown is made of it by `publication`."""
        c, s = t.survey_counts.c, t.surveys.c
        query = select(t.survey_counts).join(t.surveys, s.id == c.survey_id)
        rows = (await self._c.execute(query.where(c.survey_id == survey_id, s.school == self._school))).all()
        counts: dict[str, dict[str, int]] = {}
        for row in rows:
            counts.setdefault(row.question, {})[row.choice] = row.times
        return counts.pop(_ALL, {}).get(_ALL, 0), counts

    async def publish_survey(self, survey_id: str, made: Publication) -> None:
        """Keeps what may be shown from now on."""
        s = t.surveys.c
        published = {"seen": made.seen, "lot": made.lot, "published": made.figures.kept()}
        await self._c.execute(update(t.surveys).where(s.id == survey_id, s.school == self._school).values(**published))

    def _page_mark(self, survey_id: str, own: str) -> str:
        return self._keys.records.mark(f"survey page|{self._school}|{survey_id}|{own}".encode()).hex()


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _survey(row: Any) -> Survey:
    return Survey(
        row.id,
        type_of_kept(row.type, row.asked),
        row.opened_by,
        row.opened_at,
        row.closes_at,
        row.base,
        row.closed_at,
        row.seen,
        row.lot,
        figures_of_kept(row.published) if row.published is not None else None,
    )
