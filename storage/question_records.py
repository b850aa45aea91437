"""What is kept of questions about the policy: as asked, what the policy is silent on, and what was asked of people."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.asking import Asked, Decision, Gap, GapKind, Request, RequestKind
from domain.incident import MessageKind
from domain.people import Account, Platform
from domain.words import Role
from storage import tables as t
from storage.outbox import show_again


class QuestionRecords:
    """The part of a school's records that has to do with questions about its policy."""

    _c: AsyncConnection
    _school: str

    async def save_asked(self, asked: Asked) -> None:
        """Keeps a question as it was typed."""
        await self._c.execute(
            insert(t.asked).values(
                id=asked.id,
                school=self._school,
                platform=asked.account.platform,
                user_id=asked.account.user_id,
                text=asked.text,
                at=asked.at,
                expires_at=asked.expires_at,
            )
        )

    async def asked(self, asked_id: str, now: datetime) -> Asked | None:
        """The question of that id, as long as it is kept."""
        a = t.asked.c
        query = select(t.asked).where(a.school == self._school, a.id == asked_id, a.expires_at > now)
        r = (await self._c.execute(query)).first()
        return Asked(r.id, Account(Platform(r.platform), r.user_id), r.text, r.at, r.expires_at) if r is not None else None

    async def add_gap(self, gap: Gap) -> None:
        """Keeps what the policy does not answer; the same one again changes nothing."""
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        row = {"id": gap.id, "school": self._school, "kind": gap.kind, "question": gap.question, "text": gap.text, "at": gap.at}
        await self._c.execute(add(t.gaps).values(row).on_conflict_do_nothing())

    async def gaps(self, limit: int) -> list[Gap]:
        """What is to be reviewed, the newest first."""
        g = t.gaps.c
        rows = await self._c.execute(
            select(t.gaps).where(g.school == self._school, g.settled_at.is_(None)).order_by(g.at.desc()).limit(limit)
        )
        return [Gap(r.id, GapKind(r.kind), r.question, r.text, r.at) for r in rows]

    async def settle_gaps(self, question: str, person_id: str, at: datetime) -> int:
        """Marks every gap of a question as reviewed and forgets what was typed; how many there were."""
        g = t.gaps.c
        done = await self._c.execute(
            update(t.gaps)
            .where(g.school == self._school, g.question == question, g.settled_at.is_(None))
            .values(settled_at=at, settled_by=person_id, text="")
        )
        return done.rowcount

    async def add_request(self, request: Request) -> None:
        """Keeps what somebody asks of a role's holders."""
        await self._c.execute(
            insert(t.requests).values(
                id=request.id,
                school=self._school,
                kind=request.kind,
                reference=request.reference,
                question=request.question,
                cites=list(request.cites),
                text=request.text,
                asker_platform=request.asker.platform,
                asker_user=request.asker.user_id,
                asker_person=request.asker.person_id,
                role=request.role,
                asked=list(request.asked),
                at=request.at,
            )
        )

    async def request(self, request_id: str, *, hold: bool = True) -> Request | None:
        """The request of that id, held until the end of the transaction on PostgreSQL."""
        query = select(t.requests).where(t.requests.c.school == self._school, t.requests.c.id == request_id)
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return _request(row) if row is not None else None

    async def decide(self, request: Request) -> None:
        """Keeps what was answered to a request, and has the copies of its message changed."""
        await self._c.execute(
            update(t.requests)
            .where(t.requests.c.school == self._school, t.requests.c.id == request.id, t.requests.c.decision.is_(None))
            .values(
                decision=request.decision,
                reason=request.reason,
                decided_by=request.decided_by,
                decided_at=request.decided_at,
            )
        )
        d, at = t.deliveries.c, request.decided_at
        if at is not None:
            await self._c.execute(show_again(at, d.request_id == request.id, d.message == MessageKind.REQUEST))


def _request(r: Row[Any]) -> Request:
    return Request(
        id=r.id,
        kind=RequestKind(r.kind),
        reference=r.reference,
        question=r.question,
        cites=tuple(r.cites),
        text=r.text,
        asker=Account(Platform(r.asker_platform), r.asker_user, person_id=r.asker_person),
        role=Role(r.role),
        asked=tuple(r.asked),
        at=r.at,
        decision=Decision(r.decision) if r.decision else None,
        reason=r.reason,
        decided_by=r.decided_by,
        decided_at=r.decided_at,
    )
