"""What a page of another site, or a program, may try at the console's door besides what test_console.py tries."""

import json

import pytest

from bot.console import server
from tests.bot.test_console import TEACHER, Door, door

__all__ = ["door"]


async def test_a_page_of_another_site_reads_nothing(door: Door) -> None:
    """The browser says for whom it asks; whoever follows a link to the page is let in."""
    for site in ("cross-site", "same-site"):
        for path in ("api/world", "api/suggest?q=be", "static/console.js"):
            status, _ = await door.get(path, **{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors"})
            assert status == 403, (site, path)
    assert (await door.get("api/world", **{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}))[0] == 200
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with door.session.get(f"{door.bot.address}/console/", headers=linked) as page:
        assert page.status == 200
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert "unsafe" not in page.headers["Content-Security-Policy"]


async def test_the_way_to_the_page_leads_nowhere_else(door: Door) -> None:
    """Whatever is asked for, and by whatever name: to the page of this machine, or nowhere."""
    for path in ("/", "/console", "/?next=//evil.example", "/console?//evil.example"):
        async with door.session.get(f"{door.bot.address}{path}", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "/console/"), path
        async with door.session.get(
            f"{door.bot.address}{path}", headers={"Host": "evil.example"}, allow_redirects=False
        ) as answer:
            assert answer.status == 403, path


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300, b"9" * 50_000, b"\xff", b'{"a": NaN}'])
async def test_a_body_that_makes_no_sense_is_refused_in_words(door: Door, body: bytes) -> None:
    """However deep, long or broken."""
    status, answer = await door.post("say", body, **{"X-Console-Token": door.token})
    assert (status, answer) == (400, {"error": server._WORDS[400]})


@pytest.mark.parametrize("odd", ["\\u0000", "\\ud800", "\\u202e", "<script>alert(1)</script>", "{{token}}"])
async def test_what_is_typed_is_shown_as_it_is_and_is_no_markup(door: Door, odd: str) -> None:
    """NUL, halves, right-to-left, tags and the page's own placeholders."""
    body = json.dumps({"persona": door.ids[TEACHER], "place": "dm", "text": "see ODD here", "values": {"q": "ODD"}})
    said = body.replace("ODD", odd).encode()
    assert (await door.post("say", said, **{"X-Console-Token": door.token}))[0] == 200
    for path in ("submit", "press", "typing"):
        assert (await door.post(path, said, **{"X-Console-Token": door.token}))[0] == 200, path
    shown = str(await door.messages(TEACHER, "dm"))
    assert "<script>" not in shown
    assert door.token not in shown


@pytest.mark.parametrize("query", ["%00", "%ff", "%ed%a0%80", "%E2%80%AE", "x" * 3000])
async def test_an_odd_address_is_no_failure(door: Door, query: str) -> None:
    """Whatever stands where an id, a place or a name should."""
    for path in (
        f"api/suggest?persona={door.ids[TEACHER]}&q={query}",
        f"api/messages?persona={door.ids[TEACHER]}&place={query}",
    ):
        assert (await door.get(path))[0] == 200, path
    for path in (f"api/raw?persona={door.ids[TEACHER]}&message={query}", f"api/messages?persona={query}", f"static/{query}"):
        assert (await door.get(path))[0] == 404, path
