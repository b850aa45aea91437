"""HTTP by hand: what no well-behaved client would send must be sent, too."""

import asyncio
from dataclasses import dataclass, field

_LONGEST_SECONDS = 30.0
_LONGEST_HEAD = 2**17


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Status 0: the connection was closed without a word."""

    status: int
    head: str = ""
    body: str = ""

    @property
    def text(self) -> str:
        return f"{self.head}\n{self.body}"


def request(method: str, path: str, headers: list[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request as it goes over the wire. Headers go as they are, the wrong ones too."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


@dataclass(slots=True)
class Wire:
    """A connection to the program, opened anew whenever it was closed."""

    port: int
    _reader: asyncio.StreamReader | None = field(default=None, init=False)
    _writer: asyncio.StreamWriter | None = field(default=None, init=False)

    async def ask(self, data: bytes) -> Answer:
        # The other end may have closed it since: what was not answered at all is asked once more.
        fresh = self._reader is None
        answer = await self._ask(data)
        return answer if answer.status or fresh else await self._ask(data)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _ask(self, data: bytes) -> Answer:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                if self._reader is None or self._writer is None:
                    self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, limit=_LONGEST_HEAD)
                self._writer.write(data)
                return await self._answer(self._reader, is_head=data.startswith(b"HEAD"))
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.close()
            return Answer(0)

    async def _answer(self, reader: asyncio.StreamReader, *, is_head: bool) -> Answer:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, said = int(head.split(" ", 2)[1]), head.casefold()
        if status < 200:
            return await self._answer(reader, is_head=is_head)
        length = next((int(line.partition(":")[2]) for line in said.split("\r\n") if line.startswith("content-length:")), 0)
        body = b"" if is_head else await reader.readexactly(length)
        if "\r\nconnection: close" in said or "\r\ntransfer-encoding" in said:
            await self.close()
        return Answer(status, head, body.decode(errors="replace"))
