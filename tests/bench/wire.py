"""As much of HTTP/1.1 as the load needs, on both of its ends: bytes that were made beforehand, and answers of a known length.

The client and the Slack of a measurement share the processors with the bot. What a library for all of HTTP takes for each
request is a good part of what the bot itself takes, and would be measured with it. What goes over the wire is what Slack sends
and answers: one request after the other on connections that stay open.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, cast
from urllib.parse import urlsplit

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"


class WireError(Exception):
    """The connection ended before the answer, or what came is not what this reads."""


class _Pieces:
    """What comes over one connection, cut into heads with their bodies."""

    def __init__(self) -> None:
        self._come = b""

    def next(self, more: bytes) -> tuple[bytes, bytes] | None:
        """The next head with its body, once all of it has come.

        Raises:
            WireError: it is sent in chunks: of such it cannot tell the end.
        """
        self._come += more
        head, end, rest = self._come.partition(_END)
        if not end:
            return None
        lower = head.lower()
        _, said, length = lower.partition(_LENGTH)
        if not said and b"\r\ntransfer-encoding:" in lower:
            raise WireError("sent in chunks")
        size = int(length.partition(b"\r\n")[0]) if said else 0
        if len(rest) < size:
            return None
        self._come = rest[size:]
        return head, rest[:size]


def request_bytes(url: str, body: str, headers: Mapping[str, str]) -> bytes:
    """A request as Slack sends it."""
    parts, content = urlsplit(url), body.encode()
    lines = [
        f"POST {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept-Encoding: gzip,deflate",
        "Accept: application/json,*/*",
        f"Content-Length: {len(content)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + _END + content


class _Line(asyncio.Protocol):
    """A connection to the bot, with one request at a time."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.open = True
        self.transport: asyncio.Transport | None = None
        self._pieces = _Pieces()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            found = self._pieces.next(data)
        except WireError as no:
            self._broken(no)
            return
        if found is not None and self.answer is not None and not self.answer.done():
            self.answer.set_result((int(found[0][9:12]), found[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._broken(exc or WireError("closed before the answer"))

    def _broken(self, why: Exception) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(why)


class Caller:
    """Sends requests to addresses, over as many connections as have something to do at once."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._idle: dict[tuple[str, int], list[_Line]] = {}

    async def send(self, where: tuple[str, int], request: bytes) -> tuple[int, bytes]:
        """Sends a request; the status and the body of its answer.

        Raises:
            OSError, WireError, TimeoutError: no answer came.
        """
        async with asyncio.timeout(self._patience):
            line = await self._line(where)
            assert line.transport is not None
            line.answer = asyncio.get_running_loop().create_future()
            try:
                line.transport.write(request)
                answer = await line.answer
            except BaseException:
                line.transport.abort()
                raise
        self._idle[where].append(line)
        return answer

    async def _line(self, where: tuple[str, int]) -> _Line:
        idle = self._idle.setdefault(where, [])
        while idle:
            if (line := idle.pop()).open:
                return line
        _, made = await asyncio.get_running_loop().create_connection(_Line, *where)
        return made

    def close(self) -> None:
        """Hangs up."""
        for idle in self._idle.values():
            for line in idle:
                if line.transport is not None:
                    line.transport.close()


Answer = Callable[[str, bytes], tuple[bytes, bytes]]
"""What answers a request by its path and its body: the type and the bytes of an answer that is a 200."""


class Taker(asyncio.Protocol):
    """A connection of somebody who calls a server."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._pieces = _Pieces()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        more = data
        while (found := self._pieces.next(more)) is not None:
            more = b""
            head, body = found
            path = head.split(b" ", 2)[1].decode()
            kind, said = self._answer(path, body)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(said), said)
            )
