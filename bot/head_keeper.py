"""The heads of the audit's chains: signed on time, and sent to where the school keeps them out of the bot's reach."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.settings import Settings, SettingsError
from bot.worker import SendError, backoff
from domain.audit import HeadWay, SignedHead
from domain.people import School
from handlers.ports import Clock
from storage.audit_heads import Heads, Waiting, add_to_folder
from storage.audit_keys import AuditKeyError, SigningKey, key_in, key_made_in, place_beside, signing_key

log = logging.getLogger("esafety.audit")

EVERY_SECONDS = 60.0
_MOST_AT_ONCE = 20
_LONGEST_WAIT = timedelta(hours=1)
NOT_SET_UP, NO_SUCH_SCHOOL = "not_set_up", "no_such_school"


def key_file(settings: Settings) -> Path | None:
    """Where the signing key is kept: as set, else beside an SQLite database. None where it is to be set and is not."""
    if settings.audit_key_file is not None:
        return settings.audit_key_file
    return place_beside(settings.database_url)


def existing_key(settings: Settings) -> SigningKey | None:
    """The key that signs the heads, if there is one yet.

    Raises:
        SettingsError: it cannot be used.
    """
    file = key_file(settings)
    try:
        if settings.audit_key:
            return signing_key(settings.audit_key)
        return key_in(file) if file is not None and file.exists() else None
    except AuditKeyError as wrong:
        raise SettingsError(str(wrong)) from None


def key_for_start(settings: Settings, schools: Mapping[str, School]) -> SigningKey | None:
    """The key, made where there is none yet; None where none is needed.

    Raises:
        SettingsError: it can be neither used nor made, or nothing says where it is.
    """
    file = key_file(settings)
    try:
        if settings.audit_key:
            return signing_key(settings.audit_key)
        if file is not None:
            return key_made_in(file)
    except AuditKeyError as wrong:
        raise SettingsError(str(wrong)) from None
    if any(ways(settings, school) for school in schools.values()):
        raise SettingsError(
            "ESAFETY_AUDIT_KEY_FILE is missing: with PostgreSQL every process must sign the audit's heads with the same key."
            " Name a file that they share, or give the key itself as ESAFETY_AUDIT_KEY."
        )
    return None


def ways(settings: Settings, school: School) -> tuple[HeadWay, ...]:
    """Where a school's heads go out to."""
    mail = bool(school.heads_mail and settings.smtp_url)
    return (*((HeadWay.FOLDER,) if settings.audit_heads is not None else ()), *((HeadWay.MAIL,) if mail else ()))


@dataclass(frozen=True, slots=True)
class HeadKeeper:
    """Runs until cancelled. Any number of processes may: each head is made once, and sent by one of them at a time."""

    settings: Settings
    schools: Mapping[str, School]
    heads: Heads
    key: SigningKey
    clock: Clock

    async def run(self) -> None:
        """Looks every minute. A round that fails is logged, and the next one goes on."""
        while True:
            try:
                await self.round()
            except Exception as broken:  # noqa: BLE001 - what waits stands in the database, and status says so
                log.error("the audit's heads could not be seen to: %s", type(broken).__name__)  # noqa: TRY400
            await asyncio.sleep(EVERY_SECONDS)

    async def round(self) -> None:
        """Signs what is due to be signed, and sends what is due to be sent."""
        newest = await self.heads.newest()
        for school in self.schools.values():
            now, before = self.clock.now(), newest.get(school.id)
            where = ways(self.settings, school)
            if where and (before is None or now - before >= school.heads_every):
                await self.heads.make(school.id, now, school.heads_every, where, self.key.sign)
        for waiting in await self.heads.take(self.clock.now(), _MOST_AT_ONCE):
            await self._send(waiting)

    async def _send(self, waiting: Waiting) -> None:
        try:
            await self._hand_over(waiting.way, waiting.signed)
        except SendError as no:
            trouble = no.code
        except OSError as no:
            trouble = type(no).__name__
        else:
            await self.heads.sent(waiting, self.clock.now())
            return
        school = waiting.signed.head.school
        log.error("a head of the audit could not go out (%s)", trouble, extra={"school": school, "code": trouble})
        # It is never given up: the longer it takes, the more somebody should see that it does not go out.
        wait = min(backoff(waiting.attempts) * 6, _LONGEST_WAIT)
        await self.heads.put_off(waiting, self.clock.now() + wait, trouble)

    async def _hand_over(self, way: HeadWay, signed: SignedHead) -> None:
        school = self.schools.get(signed.head.school)
        if school is None:
            raise SendError(NO_SUCH_SCHOOL)
        if way not in ways(self.settings, school):
            raise SendError(NOT_SET_UP)
        if way is HeadWay.FOLDER and self.settings.audit_heads is not None:
            # The folder may lie on another machine.
            await asyncio.to_thread(add_to_folder, self.settings.audit_heads, signed)
            return
        server = self.settings.mail_server
        if server is not None:
            from bot.mail.heads import post_head

            await post_head(server, self.settings.mail_from, school, signed, self.clock.now())
