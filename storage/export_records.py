"""Sealed pages in the folder for exports: which there are, until when, and what became of them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.exports import Page, PageEnd, PageKind
from storage import tables as t
from storage.lookups import among

_e = t.exports.c
_LIVE = or_(_e.ended_at.is_(None), among(_e.file, "files"))
_LIVE_SINCE = or_(_LIVE, _e.ended_at > bindparam("since", type_=_e.ended_at.type))
# Put together once: every queue of whoever answers for the records asks it.
_PAGES, _PAGES_SINCE = (
    select(t.exports).where(_e.school == bindparam("here"), live).order_by(_e.at, _e.id) for live in (_LIVE, _LIVE_SINCE)
)


class ExportRecords:
    """The part of a school's records that has to do with pages that were taken out of them."""

    _c: AsyncConnection
    _school: str

    async def add_page(self, page: Page) -> bool:
        """Keeps that there is a page; False where that is known."""
        values = {
            "id": page.id,
            "school": self._school,
            "file": page.file,
            "kind": page.kind,
            "made_by": page.made_by,
            "at": page.at,
            "ends_at": page.ends_at,
            "digest": page.digest,
            "cases": list(page.cases),
        }
        add = sqlite.insert if self._c.dialect.name == "sqlite" else postgresql.insert
        return bool((await self._c.execute(add(t.exports).values(values).on_conflict_do_nothing())).rowcount)

    async def pages(self, files: Collection[str] = (), *, since: datetime | None = None) -> list[Page]:
        """The pages that have not ended, those of these files, and those that ended since then: the oldest first."""
        values: dict[str, Any] = {"here": self._school, "files": list(files)}
        if since is None:
            return [_page(row) for row in await self._c.execute(_PAGES, values)]
        return [_page(row) for row in await self._c.execute(_PAGES_SINCE, {**values, "since": since})]

    async def change_page(self, page: Page) -> bool:
        """Says how long it stays, or what became of it; False where somebody else has ended it meanwhile."""
        e = t.exports.c
        new = {"ends_at": page.ends_at, "ended_at": page.ended_at, "ended": page.ended}
        live = update(t.exports).where(e.school == self._school, e.id == page.id, e.ended_at.is_(None))
        return bool((await self._c.execute(live.values(new))).rowcount)

    async def move_handover(self, file: str, to: str) -> None:
        """What was handed over in one page is in another now."""
        h = t.handovers.c
        await self._c.execute(update(t.handovers).where(h.school == self._school, h.file == file).values(file=to))


def _page(row: Row[Any]) -> Page:
    return Page(
        row.id,
        row.file,
        PageKind(row.kind),
        row.made_by,
        row.at,
        row.ends_at,
        row.digest,
        tuple(row.cases),
        row.ended_at,
        PageEnd(row.ended) if row.ended else None,
    )
