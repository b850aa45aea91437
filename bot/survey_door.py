"""The public page of surveys: the one door through which people come of whom nobody knows who they are.

It takes choices and nothing else, shows nothing but the questions, and writes down nothing of who came: no address, no browser,
no time. What stands in a link is in no line of the log. docs/adr/0035.
"""

import logging
import re
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from bot.limits import Allowance
from bot.logs import about
from bot.tracing import untraced
from cards.survey_page import SECURITY_POLICY, sheet_page, thanks_page, told_page
from domain.people import School
from domain.surveys import Counted, SurveySheet
from handlers import surveys
from handlers.ports import Ports
from storage.trouble import DatabaseTroubleError

log = logging.getLogger("esafety.surveys")

PATH: Final = "/survey/{token}"
LARGEST_ANSWERS: Final = 16 * 1024
"""In bytes. Twelve questions take less than one of them."""
AT_ONCE: Final = 600
"""Pages for one address, and as many a minute: a year group at its school's one address, and each sees two."""
_MOST_FIELDS: Final = 100
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_FORM: Final = "application/x-www-form-urlencoded"
_HEADERS: Final = {
    "Content-Security-Policy": SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


class SurveyDoor:
    """Serves the surveys of those schools that have switched the page on."""

    def __init__(self, ports: Ports, schools: Mapping[str, School]) -> None:
        self._ports = ports
        self._schools = [school for school in schools.values() if school.survey_address]

        def now() -> float:
            return ports.clock.now().timestamp()

        self._allowed = Allowance(AT_ONCE, AT_ONCE, now)

    def add_to(self, app: web.Application) -> None:
        """Adds the page to a server; nothing where no school has it."""
        if self._schools:
            app.add_routes([web.get(PATH, self._get, allow_head=False), web.post(PATH, self._post)])

    async def _get(self, request: web.Request) -> web.Response:
        return await self._answered(request, None) if self._may_come(request) else _told("busy", 429)

    async def _post(self, request: web.Request) -> web.Response:
        if not self._may_come(request):
            return _told("busy", 429)
        body = await request.read()
        if request.content_type != _FORM or len(body) > LARGEST_ANSWERS:
            return _told("refused", 413 if len(body) > LARGEST_ANSWERS else 415)
        try:
            given = parse_qs(
                body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict", max_num_fields=_MOST_FIELDS
            )
        except ValueError:
            return _told("refused", 400)
        return await self._answered(request, given)

    def _may_come(self, request: web.Request) -> bool:
        return self._allowed.take(request.remote or "")

    async def _answered(self, request: web.Request, given: Mapping[str, list[str]] | None) -> web.Response:
        token = request.match_info["token"]
        # What does not look like one of ours is not even looked up.
        if not _TOKEN.fullmatch(token):
            return _told("gone", 404)
        with untraced(), ExitStack() as known:
            try:
                school = await surveys.whose(self._ports, self._schools, token)
                if school is None:
                    return _told("gone", 404)
                known.enter_context(about(school=school.id))
                found = await self._found(request, school, token, given)
            except DatabaseTroubleError as trouble:
                log.warning("a survey could not be reached: %s", trouble.trouble)
                return _told("busy", 503)
            except Exception:
                log.exception("a page of a survey failed")
                return _told("busy", 500)
        if isinstance(found, Counted):
            return _page(thanks_page(school, found.title))
        if found is not None:
            return _page(sheet_page(school, found), 422 if found.faults or found.stale else 200)
        return _told("gone", 404)

    async def _found(
        self, request: web.Request, school: School, token: str, given: Mapping[str, list[str]] | None
    ) -> Counted | SurveySheet | None:
        if given is None:
            return await surveys.sheet(self._ports, school, token)
        # Older browsers do not say where a form comes from.
        from_here = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        return await surveys.answer(self._ports, school, token, given, from_here=from_here)


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=_HEADERS)


def _told(what: str, status: int) -> web.Response:
    return _page(told_page(what), status)
