"""What staff have to sign and have signed: each signature sealed under the school's key, vouched for in the audit, and kept."""

import json
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import and_, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.signings import GivenSignature, Signer, Signing, standing
from storage import sealed as s
from storage import tables as t
from storage.key_ring import SealError
from storage.lookups import add_once
from storage.outbox import show_again
from storage.sealing import Key
from storage.vault import SchoolKeys

# As a literal: a database must see what it is to know that a partial index serves.
_DUE = text("signers.next_at IS NOT NULL")
_SIGNERS = t.signers.c


class SigningRecords:
    """The part of a school's records that has to do with what its staff sign."""

    _c: AsyncConnection
    _school: str
    _keys: SchoolKeys

    async def signings_of(self, person_id: str) -> dict[str, Signing]:
        """Where somebody stands, by agreement."""
        c = t.signings.c
        rows = await self._c.execute(select(t.signings).where(c.school == self._school, c.person_id == person_id))
        return {row.agreement: signing_of(row) for row in rows}

    async def signings(self, agreement: str, person_ids: Collection[str] | None = None) -> dict[str, Signing]:
        """Where each of these people, or everybody, stands with an agreement, by person."""
        c = t.signings.c
        query = select(t.signings).where(c.school == self._school, c.agreement == agreement)
        if person_ids is not None:
            query = query.where(c.person_id.in_(person_ids))
        return {row.person_id: signing_of(row) for row in await self._c.execute(query)}

    async def signed_people(self, agreement: str, version: str, now: datetime) -> frozenset[str]:
        """Who has signed a version of an agreement that is not over for them."""
        c = t.signings.c
        query = select(c.person_id).where(c.school == self._school, c.agreement == agreement, c.signed_version == version)
        return frozenset((await self._c.execute(query.where(or_(c.until_at.is_(None), c.until_at > now)))).scalars())

    async def hold_signing(self, new: Signing) -> Signing:
        """Where somebody stands with an agreement, held until the end of the transaction; as `new` has it if they never did."""
        row = {
            "id": new.id,
            "school": self._school,
            "agreement": new.agreement,
            "person_id": new.person_id,
            "version": new.version,
            "asked_at": new.asked_at,
            "due_at": new.due_at,
        }
        await self._c.execute(add_once(self._c.dialect.name, t.signings), row)
        held = select(t.signings).where(t.signings.c.school == self._school, t.signings.c.id == new.id).with_for_update()
        return signing_of((await self._c.execute(held)).one())

    async def ask_again(self, signing: Signing) -> None:
        """Keeps that somebody is asked for the next signature."""
        c = t.signings.c
        asked = {"version": signing.version, "asked_at": signing.asked_at, "due_at": signing.due_at}
        await self._c.execute(update(t.signings).where(c.school == self._school, c.id == signing.id).values(**asked))

    async def add_signature(self, signing: Signing, signature: GivenSignature) -> str:
        """Adds one; the commitment to it, for the audit. Messages about it are changed."""
        body, key, c = _body(signature), self._keys.records, t.signings.c
        row = {
            "id": signature.id,
            "school": self._school,
            "signing_id": signing.id,
            "number": signature.number,
            "person_id": signature.person_id,
            "by_id": signature.by_id,
            "at": signature.at,
            "version": signature.version,
            "sealed": key.seal_text(body, s.of_signature(self._school, signing.id, signature.number)),
        }
        await self._c.execute(insert(t.given_signatures).values(**row))
        now = standing(signing, signature)
        signed = {"signatures": now.signatures, "signed_version": now.signed_version, "signed_at": now.signed_at}
        await self._c.execute(
            update(t.signings).where(c.school == self._school, c.id == signing.id).values(**signed, until_at=now.until)
        )
        signer = select(_SIGNERS.id).where(_SIGNERS.school == self._school, _SIGNERS.person_id == signature.person_id)
        await self._c.execute(show_again(signature.at, t.deliveries.c.signer_id == signer.scalar_subquery()))
        return s.commitment_to_signature(key, signing, signature, body)

    async def signatures_of(self, person_id: str, agreement: str = "") -> tuple[GivenSignature, ...]:
        """What somebody has signed, of one agreement if it is named, the first first."""
        g, c = t.given_signatures.c, t.signings.c
        query = select(t.given_signatures).join(t.signings, c.id == g.signing_id)
        query = query.where(c.school == self._school, c.person_id == person_id)
        if agreement:
            query = query.where(c.agreement == agreement)
        rows = await self._c.execute(query.order_by(g.at, g.id))
        return tuple(signature_of(row, self._keys.records)[0] for row in rows)

    async def signatures_to(self, agreement: str) -> tuple[GivenSignature, ...]:
        """All that were given to an agreement, the first first."""
        g, c = t.given_signatures.c, t.signings.c
        query = select(t.given_signatures).join(t.signings, c.id == g.signing_id)
        query = query.where(c.school == self._school, c.agreement == agreement)
        rows = await self._c.execute(query.order_by(g.at, g.id))
        return tuple(signature_of(row, self._keys.records)[0] for row in rows)

    async def signed_texts(self, agreement: str, version: str, now: datetime) -> dict[str, int]:
        """Which texts of a version of an agreement were signed, by hash, and by how many: each by the signature that counts."""
        g, c = t.given_signatures.c, t.signings.c
        newest = and_(c.id == g.signing_id, c.signatures == g.number)
        query = select(t.given_signatures).join(t.signings, newest).where(c.school == self._school, c.agreement == agreement)
        query = query.where(c.signed_version == version, or_(c.until_at.is_(None), c.until_at > now))
        found = Counter[str]()
        for row in await self._c.execute(query):
            # One that somebody has broken is for `audit verify` to find: who has not signed is shown all the same.
            with suppress(SealError):
                found[signature_of(row, self._keys.records)[0].text_hash] += 1
        return found

    async def has_signature(self, signature_id: str) -> bool:
        """Whether there is one of that id, so that a form was sent before."""
        g = t.given_signatures.c
        return (await self._c.execute(select(g.id).where(g.school == self._school, g.id == signature_id))).first() is not None

    async def signer(self, signer_id: str) -> Signer | None:
        """One of those who have something to sign."""
        row = (
            await self._c.execute(select(t.signers).where(_SIGNERS.school == self._school, _SIGNERS.id == signer_id))
        ).first()
        return _signer(row) if row is not None else None

    async def signers(self, person_ids: Collection[str]) -> dict[str, Signer]:
        """Those of these people who have had something to sign, by person."""
        query = select(t.signers).where(_SIGNERS.school == self._school, _SIGNERS.person_id.in_(person_ids))
        return {row.person_id: _signer(row) for row in await self._c.execute(query)}

    async def save_signer(self, signer: Signer) -> None:
        """Keeps when somebody was told of what they have to sign, and when they are next."""
        values = {"reminded": signer.reminded, "told_at": signer.told_at, "next_at": signer.next_at}
        row = {"id": signer.id, "school": self._school, "person_id": signer.person_id}
        await self._c.execute(add_once(self._c.dialect.name, t.signers), row)
        of = (_SIGNERS.school == self._school, _SIGNERS.id == signer.id)
        await self._c.execute(update(t.signers).where(*of).values(**values))

    async def signers_due(self, now: datetime, most: int) -> list[str]:
        """The ids of those who are to be told by now, the longest due first."""
        query = select(_SIGNERS.id).where(_SIGNERS.school == self._school, _DUE, _SIGNERS.next_at <= now)
        return list((await self._c.execute(query.order_by(_SIGNERS.next_at, _SIGNERS.id).limit(most))).scalars())

    async def take_signer(self, signer_id: str, now: datetime) -> Signer | None:
        """One who is due by now, for this process alone; None if another has seen to it."""
        of = (_SIGNERS.school == self._school, _SIGNERS.id == signer_id, _SIGNERS.next_at <= now)
        if not (await self._c.execute(update(t.signers).where(*of).values(next_at=None))).rowcount:
            return None
        return await self.signer(signer_id)


def signing_of(row: Any) -> Signing:
    """A row of `signings`."""
    return Signing(
        row.id,
        row.agreement,
        row.person_id,
        row.version,
        row.asked_at,
        row.due_at,
        row.signatures,
        row.signed_version,
        row.signed_at,
        row.until_at,
    )


def signature_of(row: Any, key: Key) -> tuple[GivenSignature, str]:
    """A row of `given_signatures`, opened; and what was sealed of it.

    Raises:
        SealError: it does not open.
    """
    body = s.opened(key, "{}", row.sealed, s.of_signature(row.school, row.signing_id, row.number))
    told = json.loads(body)
    moments = {word: datetime.fromisoformat(at) for word in ("until", "done_at") if (at := told.get(word))}
    signature = GivenSignature(
        row.id,
        row.signing_id,
        row.number,
        row.person_id,
        row.by_id,
        row.at,
        row.version,
        told.get("text_hash", ""),
        told.get("name", ""),
        told.get("title", ""),
        **moments,
    )
    return signature, body


def _body(signature: GivenSignature) -> str:
    return json.dumps(
        {
            "text_hash": signature.text_hash,
            "name": signature.name,
            "title": signature.title,
            "until": signature.until.isoformat() if signature.until is not None else "",
            "done_at": signature.done_at.isoformat() if signature.done_at is not None else "",
        }
    )


def _signer(row: Any) -> Signer:
    return Signer(row.id, row.person_id, row.reminded, row.told_at, row.next_at)
