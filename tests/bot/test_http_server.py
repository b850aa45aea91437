"""What the server takes from anybody at all, and for how long it waits for it."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot import http_server
from bot.http_server import LARGEST_BODY, Site, add_health, new_application, new_runner
from bot.readiness import Check
from bot.stopping import Stopping
from tests.fakes.clock import PATIENCE_SECONDS

SHORT = 0.2


@asynccontextmanager
async def server(most: int = 20, checks: list[Check] | None = None) -> AsyncIterator[int]:
    """A server that says how many bytes it was sent; its port."""
    app = new_application()

    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"{len(await request.read())}")

    app.add_routes([web.post("/", echo), web.get("/", echo)])
    add_health(app, checks or [], Stopping())
    runner = new_runner(app)
    await runner.setup()
    try:
        await Site(runner, "127.0.0.1", 0, most).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def says(port: int, *parts: bytes) -> str:
    """What comes back for some bytes, until the other end hangs up; '' where it says nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await reader.read()).decode("latin-1")
    except ConnectionError:
        return ""
    finally:
        writer.close()


def post(body: bytes, *headers: str, length: int | None = None) -> bytes:
    head = ["POST / HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and the connection is closed: whoever drips bytes holds nothing up."""
    monkeypatch.setattr(http_server, "BODY_SECONDS", SHORT)
    async with server() as port:
        assert " 408 " in await says(port, post(b"half", length=1000))


async def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection over which nothing comes, or half a head, is closed."""
    monkeypatch.setattr(http_server, "IDLE_SECONDS", SHORT)
    async with server() as port:
        assert await says(port) == ""
        assert await says(port, b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ") == ""
        assert " 200 " in await says(port, post(b"x"))


async def test_more_connections_than_it_can_serve_are_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are there stay, so that what is due still gets out; once they are gone there is room again."""
    async with server(most=3) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert await says(port, post(b"x")) == ""
        held[0][1].write(post(b"xy"))
        assert b"\r\n\r\n2" in await held[0][0].read()
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.05)
        assert " 200 " in await says(port, post(b"x"))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (post(b"x" * LARGEST_BODY), 200),
        (post(b"x" * (LARGEST_BODY + 1)), 413),
        (post(b"", "Transfer-Encoding: chunked"), 400),
        (post(b"x", "X: " + "y" * 9000), 400),
        (post(b"x", *(f"X-{n}: y" for n in range(100))), 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
    ],
)
async def test_what_is_too_much_is_refused(sent: bytes, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """In bytes, in headers, and what is no HTTP: without a line in the log, which anybody could fill so."""
    async with server() as port:
        assert f" {status} " in await says(port, sent, b"")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_what_comes_compressed_stays_compressed() -> None:
    """A thousandth of its size on the way in, it could otherwise be anything inside."""
    bomb = gzip.compress(b"x" * 50_000_000)
    async with server() as port:
        assert (await says(port, post(bomb, "Content-Encoding: gzip"))).endswith(f"\r\n\r\n{len(bomb)}")


async def test_every_answer_tells_a_browser_what_it_may_not_do() -> None:
    """And nobody which version of what is running."""
    async with server() as port:
        for path in ("/", "/nowhere", "/healthz", "/readyz"):
            answer = await says(port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            for header in (
                "X-Content-Type-Options: nosniff",
                "Referrer-Policy: no-referrer",
                "Content-Security-Policy: default-src",
            ):
                assert header in answer, path
            assert "Server: esafety\r\n" in answer
            assert "aiohttp" not in answer


async def test_many_who_ask_whether_it_is_ready_cost_one_look() -> None:
    """Anybody may ask, and each look is work for the database: a hundred at a time come to one."""
    looks = 0

    async def look() -> str:
        nonlocal looks
        looks += 1
        await asyncio.sleep(SHORT)
        return ""

    async with server(most=200, checks=[Check("database", look)]) as port:
        asked = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answers = await asyncio.gather(*(says(port, asked) for _ in range(100)))
        assert all(" 200 " in answer for answer in answers)
        assert looks < 5
        begun = looks
        await asyncio.sleep(http_server._FRESH_SECONDS * 1.5)
        await says(port, asked)
        assert looks == begun + 1, "what is out of date is looked at again"
