"""The HTTP server: how much it takes, how long it waits, what every answer says to a browser; /healthz and /readyz.

Whoever can reach it can send anything. What is set here holds for every address of it, before anybody is known.
"""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from bot.readiness import Check, Readiness, look
from bot.stopping import Stopping
from cards.texts import say

LARGEST_BODY: Final = 1024**2
"""In bytes. Slack shows no dialog of more than 250 kB, and takes three times that to send it back at worst."""
BODY_SECONDS: Final = 10.0
"""For the whole of a body to come. Slack itself waits three seconds for an answer, Teams ten."""
IDLE_SECONDS: Final = 75.0
"""For the next request of a connection to come, its headers included; longer than a proxy keeps one open."""
LINGER_SECONDS: Final = 1.0
"""For the rest of what was refused already, so that whoever sends it reads why."""
MOST_CONNECTIONS: Final = 512
"""At once. Half of the files that a process may usually have open: the rest are for the database and for the way out."""
_LONGEST_HEADER: Final = 8190
_MOST_HEADERS: Final = 64
_FRESH_SECONDS: Final = 0.5

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer says that does not say otherwise: it is to be kept by nobody, shown in no frame, and is no program."""


def new_application() -> web.Application:
    """A server without any address yet."""
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_read_in_time])
    app.on_response_prepare.append(_say_little)
    return app


def new_runner(app: web.Application) -> web.AppRunner:
    """What runs a server. What comes compressed is not unpacked: neither Slack nor Teams sends such, and a bomb would be."""
    return web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=1,
        logger=_log,
        keepalive_timeout=IDLE_SECONDS,
        lingering_time=LINGER_SECONDS,
        auto_decompress=False,
        max_line_size=_LONGEST_HEADER,
        max_field_size=_LONGEST_HEADER,
        max_headers=_MOST_HEADERS,
    )


class _NoFaultOfOurs(logging.Filter):
    """Leaves out what is not even HTTP: anybody can send it, as often as they like, and the server calls it an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is worth a line."""
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log = logging.getLogger("esafety.http")
_log.addFilter(_NoFaultOfOurs())


class Site(web.BaseSite):
    """Where a server listens. One connection too many is closed at once, so that there is always a way out for an alert."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, most: int = MOST_CONNECTIONS) -> None:
        super().__init__(runner)
        self._host = host
        self._port = port
        self._most = most

    @property
    def name(self) -> str:
        """The address."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listens.

        Raises:
            OSError: the address cannot be used.
        """
        await super().start()
        server = self._runner.server
        assert server is not None

        def connection() -> asyncio.Protocol:
            return server() if len(server.connections) < self._most else _Full()

        self._server = await asyncio.get_running_loop().create_server(connection, self._host, self._port)


class _Full(asyncio.Protocol):
    """Hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Without a word: there are more of them than anybody could answer."""
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


@web.middleware
async def _read_in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reads the body, which is then kept for whoever asks for it, before anything else is held up by waiting for it."""
    if request.can_read_body:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _hung_up(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, say("note.too_large"))
        except TimeoutError:
            return _hung_up(HTTPStatus.REQUEST_TIMEOUT, say("note.too_slow"))
        except web.RequestPayloadError:
            return _hung_up(HTTPStatus.BAD_REQUEST, say("note.too_slow"))
    return await handler(request)


def _hung_up(status: HTTPStatus, words: str) -> web.Response:
    response = web.json_response({"error": words}, status=status)
    response.force_close()
    return response


async def _say_little(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    # Which version of what is running is of use only to those who look for its faults.
    response.headers["Server"] = "esafety"


def add_health(app: web.Application, checks: Sequence[Check], stopping: Stopping) -> None:
    """Adds the two pages to a server. `checks` may still grow."""
    recently = _Recently(checks)

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if stopping.began:
            return web.Response(text="not ready\nstopping\n", status=503)
        found = await recently.look()
        return web.Response(text=str(found), status=200 if found.ready else 503)

    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])


class _Recently:
    """Looks once for all who ask at the same time: anybody may ask, and each look is work for the database."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = checks
        self._looking: asyncio.Task[Readiness] | None = None
        self._fresh_until = 0.0

    async def look(self) -> Readiness:
        """What was found less than half a second ago, or is found now."""
        loop = asyncio.get_running_loop()
        if self._looking is None or (self._looking.done() and loop.time() >= self._fresh_until):
            self._looking = asyncio.create_task(look(self._checks))
            self._looking.add_done_callback(self._looked)
        return await asyncio.shield(self._looking)

    def _looked(self, _: "asyncio.Task[Readiness]") -> None:
        self._fresh_until = asyncio.get_running_loop().time() + _FRESH_SECONDS
