"""Sealed pages in the folder for exports: which there are, until when, and what became of them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.exports import Page, PageEnd, PageKind
from storage import tables as t


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
        e = t.exports.c
        wanted = [e.ended_at.is_(None), e.file.in_(files), *([e.ended_at > since] if since is not None else [])]
        query = select(t.exports).where(e.school == self._school, or_(*wanted)).order_by(e.at, e.id)
        return [_page(row) for row in await self._c.execute(query)]

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
