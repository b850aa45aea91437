"""What is kept of questions about the policy: as asked, what the policy is silent on, and what was asked of people."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, insert, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.asking import Asked, Decision, Gap, GapKind, Request, RequestKind
from domain.incident import MessageKind
from domain.people import Account, Platform
from domain.words import DeliveryState, Role
from storage import sealed as s
from storage import tables as t
from storage.outbox import GIVEN_UP, show_again
from storage.vault import SchoolKeys


class QuestionRecords:
    """The part of a school's records that has to do with questions about its policy."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def save_asked(self, asked: Asked) -> None:
        """Keeps a question as it was typed."""
        row = {
            "id": asked.id,
            "school": self._school,
            "platform": asked.account.platform,
            "user_id": asked.account.user_id,
            "text": "",
            "sealed": self._keys.records.seal_text(asked.text, s.of_asked(self._school, asked.id)),
            "at": asked.at,
            "expires_at": asked.expires_at,
        }
        await self._c.execute(_ADD_ASKED, row)

    async def asked(self, asked_id: str, now: datetime) -> Asked | None:
        """The question of that id, as long as it is kept."""
        a = t.asked.c
        query = select(t.asked).where(a.school == self._school, a.id == asked_id, a.expires_at > now)
        r = (await self._c.execute(query)).first()
        if r is None:
            return None
        typed = s.opened(self._keys.records, r.text, r.sealed, s.of_asked(self._school, r.id))
        return Asked(r.id, Account(Platform(r.platform), r.user_id), typed, r.at, r.expires_at)

    async def add_gap(self, gap: Gap) -> bool:
        """Keeps what the policy does not answer. False if the same one was kept before."""
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        typed = self._keys.records.seal_text(gap.text, s.of_gap(self._school, gap.id))
        row = {"id": gap.id, "school": self._school, "kind": gap.kind, "question": gap.question, "at": gap.at}
        row |= {"text": "", "sealed": typed}
        return bool((await self._c.execute(add(t.gaps).values(row).on_conflict_do_nothing())).rowcount)

    async def gaps(self, limit: int) -> list[Gap]:
        """What is to be reviewed, the newest first."""
        g = t.gaps.c
        rows = await self._c.execute(
            select(t.gaps).where(g.school == self._school, g.settled_at.is_(None)).order_by(g.at.desc()).limit(limit)
        )
        return [self._gap(r) for r in rows]

    def _gap(self, r: Row[Any]) -> Gap:
        typed = s.opened(self._keys.records, r.text, r.sealed, s.of_gap(self._school, r.id))
        return Gap(r.id, GapKind(r.kind), r.question, typed, r.at)

    async def settle_gaps(self, ids: Collection[str], person_id: str, at: datetime) -> int:
        """Marks these gaps as reviewed and forgets what was typed; how many of them were not before."""
        g = t.gaps.c
        done = await self._c.execute(
            update(t.gaps)
            .where(g.school == self._school, g.id.in_(list(ids)), g.settled_at.is_(None))
            .values(settled_at=at, settled_by=person_id, text="", sealed=None)
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
                text="",
                sealed=self._keys.records.seal_text(request.text, s.of_request(self._school, request.id)),
                asker_platform=request.asker.platform,
                asker_user=request.asker.user_id,
                asker_person=request.asker.person_id,
                role=request.role,
                asked=list(request.asked),
                at=request.at,
            )
        )

    async def hold_asked(self, asked_id: str) -> None:
        """Holds a question until the end of the transaction: whoever goes on with the same one waits for what became of it."""
        await self._c.execute(select(t.asked.c.id).where(t.asked.c.id == asked_id).with_for_update())

    async def request(self, request_id: str, *, hold: bool = True) -> Request | None:
        """The request of that id, held until the end of the transaction on PostgreSQL."""
        query = select(t.requests).where(t.requests.c.school == self._school, t.requests.c.id == request_id)
        row = (await self._c.execute(query.with_for_update() if hold else query)).first()
        return self._request(row) if row is not None else None

    async def request_chances(self, request_id: str, person_id: str | None = None) -> int:
        """How many of a request's messages in a chat, to anybody or to one person, have been sent or may still be."""
        d = t.deliveries.c
        found = await self._c.execute(
            select(func.count()).where(
                d.request_id == request_id,
                d.message == MessageKind.REQUEST,
                d.state.notin_((DeliveryState.DEAD, DeliveryState.CANCELLED)),
                d.platform != Platform.EMAIL,
                d.address_id == person_id if person_id is not None else true(),
            )
        )
        return found.scalar_one()

    async def unheard_requests(self) -> list[Request]:
        """Requests that nobody has answered and that no chat took for anybody, the oldest first."""
        return [self._request(row) for row in await self._c.execute(_UNHEARD, {"here": self._school})]

    async def requests_of(self, person_id: str) -> list[Request]:
        """What somebody has asked of others, the newest first."""
        r = t.requests.c
        query = select(t.requests).where(r.school == self._school, r.asker_person == person_id).order_by(r.at.desc())
        return [self._request(row) for row in await self._c.execute(query)]

    async def decide(self, request: Request) -> None:
        """Keeps what was answered to a request, and has the copies of its message changed."""
        await self._c.execute(
            update(t.requests)
            .where(t.requests.c.school == self._school, t.requests.c.id == request.id, t.requests.c.decision.is_(None))
            .values(
                decision=request.decision,
                reason="",
                sealed_reason=self._keys.records.seal_text(request.reason, s.of_reason(self._school, request.id)),
                decided_by=request.decided_by,
                decided_at=request.decided_at,
            )
        )
        d, at = t.deliveries.c, request.decided_at
        if at is not None:
            await self._c.execute(show_again(at, d.request_id == request.id, d.message == MessageKind.REQUEST))

    def _request(self, r: Row[Any]) -> Request:
        return Request(
            id=r.id,
            kind=RequestKind(r.kind),
            reference=r.reference,
            question=r.question,
            cites=tuple(r.cites),
            text=s.opened(self._keys.records, r.text, r.sealed, s.of_request(self._school, r.id)),
            asker=Account(Platform(r.asker_platform), r.asker_user, person_id=r.asker_person),
            role=Role(r.role),
            asked=tuple(r.asked),
            at=r.at,
            decision=Decision(r.decision) if r.decision else None,
            reason=s.opened(self._keys.records, r.reason, r.sealed_reason, s.of_reason(self._school, r.id)),
            decided_by=r.decided_by,
            decided_at=r.decided_at,
        )


# Written out once: the one runs with every question, the other with every queue.
_ADD_ASKED = insert(t.asked)
_r, _d = t.requests.c, t.deliveries.c
_OF_REQUEST = (_d.message == MessageKind.REQUEST, _d.platform != Platform.EMAIL)
_HEARD = (_d.request_id == _r.id, _d.state.notin_((DeliveryState.DEAD, DeliveryState.CANCELLED)), *_OF_REQUEST)
_UNHEARD = (
    select(t.requests)
    .where(_r.school == bindparam("here"), _r.decision.is_(None), ~exists().where(*_HEARD))
    .where(_r.id.in_(select(_d.request_id).where(_d.school == bindparam("here"), GIVEN_UP, *_OF_REQUEST)))
    .order_by(_r.at)
)
