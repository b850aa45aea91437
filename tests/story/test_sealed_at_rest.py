"""Words planted through a whole story: nobody finds them in the database, a backup, the log, the metrics or the chats."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import numpy as np
from sqlalchemy import select, text

from bot.status_command import look
from domain.people import Kind, Person
from storage import tables as t
from storage.copying import back_up, restore
from storage.database import Database
from storage.store import Store
from tests.story.stage import Dialog, Stage, Value
from tests.story.test_access import looks_up
from tests.story.test_breaches import asked_for as breach_asked_for
from tests.story.test_case_changes import changes, closes, signed
from tests.story.test_casework import adds, case_of
from tests.story.test_consents import asks as consent_for
from tests.story.test_consents import consent
from tests.story.test_handover import asked_for as handover_asked_for
from tests.story.test_log import logs, reports_refused
from tests.story.test_measures import says
from tests.story.test_metrics import page
from tests.story.test_registers import opens, reading, sends, soon
from tests.story.test_requests import LESSON_OF, answers, asks
from tests.story.test_subject_access import PASSPHRASE
from tests.story.test_subject_access import asked_for as subject_asked_for

__all__ = ["signed"]
TYPED, LISTED, NUMBER = "Zebedee Quillfeather", "Perpetua Longbottle", "PUPIL-88231"
WHAT, DONE, WHERE = "the marzipan lighthouse", "a porcelain walrus", "the cellar of pelicans"
HANDED_ON, OUTCOME = "his tangerine cathedral", "her velvet submarine"
QUESTION = "can I friend gooseberry trombone who is an ex-pupil"
SILENT = "Is a pupil called crumpet zeppelin allowed to wear a smartwatch in an exam?"
LEAVE, REASON = "for a lavender anvil", "bring the copper nightingale"
HALF_TYPED = "a saffron icicle"
NOTED, TO_DO, TOLD, DECIDED = "her emerald waffle", "his turquoise bassoon", "a bronze gazelle", "the quilted volcano"
OPENED, HELD, NEXT_SCHOOL = "a walnut comet", "the tweed glacier", "Peppercorn Academy"
BREACH, NO_RISK = "a gingham trawler", "his magenta abacus"
TAKEN, KEPT_AT, LENT_BY, MOVED_TO = (
    "a vermilion harmonica",
    "the parsnip cupboard",
    "Thaddeus Crumblewick",
    "his cinnamon drawer",
)
GROUNDS, FOUND, PRESENT, GIVEN_TO = (
    "an indigo accordion",
    "a cobalt teapot",
    "Wilhelmina Brackenthorpe",
    "Ermintrude Popplewell",
)
BROKEN, CHANGED, SENT_BACK, SIGNED = "a russet telescope", "the ochre windmill", "a mustard parachute", "her amber kettledrum"
LOOKED_AT, OPENED_AGAIN = "the crimson ukulele", "a mauve harpsichord"
RISK, LIKELY, MITIGATED, AGREED_TO = "a violet gondola", "the beige trampoline", "his ivory compass", "her scarlet dulcimer"
SITE, ALLOWED, REFUSED = "periwinkle.example", "the turmeric balloon", "an ebony xylophone"
LATER = (
    f"{NOTED} {TO_DO} {TOLD} {DECIDED} {OPENED} {HELD} {NEXT_SCHOOL} {BREACH} {NO_RISK} {TAKEN} {KEPT_AT} {LENT_BY} {MOVED_TO}"
)
LATER += f" {GROUNDS} {FOUND} {PRESENT} {GIVEN_TO} {BROKEN} {CHANGED} {SENT_BACK} {SIGNED} {LOOKED_AT} {OPENED_AGAIN}"
ASKED_SITE, LESSON, ASKED_BACK = "cornflower.example", "the sepia galleon", "an olive marionette"
REWORDED, NOT_NOW = "her cobalt bagpipe", "a persimmon metronome"
CONSENTED, SLIP = "Clementine Thistlewick", "a lilac barometer"
LATER += f" {CONSENTED} {SLIP}"
LATER += f" {ASKED_SITE} {LESSON} {ASKED_BACK} {REWORDED} {NOT_NOW}"
LATER += f" {RISK} {LIKELY} {MITIGATED} {AGREED_TO} {SITE} {ALLOWED} {REFUSED}"
WORDS = f"{TYPED} {LISTED} {WHAT} {DONE} {WHERE} {HANDED_ON} {OUTCOME} {LEAVE} {REASON} {HALF_TYPED} {LATER}"
COMMON = {"the", "a", "an", "of", "his", "her", "for", "bring", "Academy"}
PLANTED = (*(w for w in WORDS.split() if w not in COMMON), NUMBER, "gooseberry", "trombone", "crumpet", "zeppelin")
KIND: dict[str, Value] = {"concern": "grooming", "about": "pupil", "danger": "no"}
REPORT: dict[str, Value] = {
    "targets": [LISTED],
    "perpetrators": [TYPED],
    "what": f"{WHAT}, said {TYPED}",
    "done": DONE,
    "where": WHERE,
}


def disguises(word: str) -> Iterator[bytes]:
    """A word as it may stand somewhere: in another case, another width, in hex or base64, backwards."""
    for form in (word, word.casefold(), word.upper(), word[::-1]):
        for plain in (form.encode(), form.encode("utf-16-le")):
            yield plain
            yield plain.hex().encode()
    for shift in range(3):
        # What stands before it shifts what base64 makes of it; the ends depend on the neighbours, and little says nothing.
        middle = base64.b64encode(b" " * shift + word.encode())[4 if shift else 0 : -4]
        if len(middle) >= 8:
            yield middle


@cache
def planted_beginnings() -> Mapping[int, frozenset[tuple[str, bytes]]]:
    """Every word in every disguise, by its first four bytes as a number."""
    found: dict[int, set[tuple[str, bytes]]] = {}
    for word in PLANTED:
        for disguise in disguises(word):
            found.setdefault(int.from_bytes(disguise[:4], "little"), set()).add((word, disguise))
    return {beginning: frozenset(words) for beginning, words in found.items()}


def found_in(content: bytes) -> set[str]:
    """Which words it holds, in any disguise. It is gone through once for how they all begin, and again for what begins so."""
    planted = planted_beginnings()
    known = np.array(sorted(planted), dtype="<u4")
    begun: set[int] = set()
    for shift in range(4):
        beginnings = np.frombuffer(content[shift : len(content) - (len(content) - shift) % 4], dtype="<u4")
        nearest = known.take(np.searchsorted(known, beginnings), mode="clip")
        begun.update(nearest[nearest == beginnings].tolist())
    return {word for beginning in begun for word, disguise in planted[beginning] if disguise in content}


def said_by_the_bot(stage: Stage) -> bytes:
    """The chats' history, without what people asked there themselves, as they typed it."""
    return stage.raw_chat().replace(QUESTION, "").replace(SILENT, "").encode()


def dialog(answer: Dialog | str | None) -> Dialog:
    assert isinstance(answer, Dialog), answer
    return answer


async def everything_in(database: Database) -> bytes:
    """All that a database holds: every byte of its files, or every value of every row."""
    if database.is_sqlite:
        files = [Path(f"{database.url.database}{part}") for part in ("", "-wal", "-shm", "-journal")]
        return b"".join(file.read_bytes() for file in files if file.exists())
    found = []
    async with database.begin(write=False) as connection:
        for table in t.metadata.sorted_tables:
            rows = await connection.execute(select(table))
            found += [value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row]
            as_dumped = await connection.execute(text(f"SELECT CAST(x AS text) FROM {table.name} AS x"))
            found += [str(line).encode() for line in as_dumped.scalars()]
    return b"\n".join(found)


async def put_on_the_list(stage: Stage) -> None:
    """A pupil, as an import has it."""
    school = next(iter(stage.bot.schools.values()))
    pupil = Person(str(uuid4()), Kind.PUPIL, LISTED, house="Brunel", form="7B")
    async with Store(stage.bot.database).transaction(school) as records:
        await records.save_people([(NUMBER, pupil, True)])


async def the_story(stage: Stage) -> str:
    """Reported, asked, handed on, read, closed, and half of another report: each with words of its own."""
    reference = await stage.reports("teacher", KIND, REPORT)
    await stage.expects("dsl", reference)
    handing = dialog(await stage.press("dsl", "Hand on", reference))
    await handing.fill({"to": "Maja Lindqvist, Deputy DSL", "reason": HANDED_ON})
    await handing.submit()
    await stage.expects("deputy", reference, "handed on to you")
    await stage.press("deputy", "Acknowledge", reference)
    await stage.expects("deputy", reference, "Acknowledged by Maja Lindqvist")
    case = dialog(await stage.press("deputy", "Details", reference))
    for shown in (TYPED, LISTED, WHAT, DONE, WHERE, HANDED_ON):
        assert shown in case.shown, shown
    closing = dialog(await stage.press("deputy", "Close", reference))
    await closing.fill({"outcome": OUTCOME, "result": "dealt_with"})
    await closing.submit()
    await stage.expects("deputy", reference, "Closed")
    await stage.ask("teacher", QUESTION)
    await stage.ask("teacher", SILENT)
    await stage.ask("teacher", "Can I give a colleague the access code for the laptop trolley?")
    await stage.expects("teacher", "Codes are not")
    asking = dialog(await stage.press("teacher", "Ask permission", "Codes are not"))
    await asking.fill({"text": LEAVE})
    await asking.submit()
    await stage.expects("it", "CSS-Q-2026-")
    answering = dialog(await stage.press("it", "Open and answer", "CSS-Q-2026-"))
    assert LEAVE in answering.shown
    await answering.fill({"decision": "granted", "reason": REASON})
    await answering.submit()
    await stage.expects("teacher", "CSS-Q-2026-", "Permission given")
    await worked(stage)
    await kept(stage, reference)
    await measured_and_signed(stage)
    await registered(stage)
    await asked_for(stage)
    await consented(stage)
    await half_a_report(stage)
    await stage.settled()
    return reference


async def worked(stage: Stage) -> None:
    """Another case: opened by the head, and all that the lead can write in it."""
    reference = await stage.reports("teacher", KIND, {"what": WHAT, "targets": [LISTED]})
    await stage.expects("dsl", reference)
    opening = dialog(await looks_up(stage, "headteacher", reference))
    await opening.fill({"reason": OPENED})
    assert OPENED in dialog(await opening.submit()).shown
    await stage.press("dsl", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by")
    timeline = await adds(await case_of(stage, "dsl", reference), "note", {"entry_text": NOTED})
    timeline = await adds(timeline, "action", {"entry_what": TO_DO, "entry_doer": ["Tess Whitlock"]})
    timeline = await adds(timeline, "contact", {"entry_whom": "parents", "entry_outcome": TOLD})
    steps = dialog(await (await case_of(stage, "dsl", reference)).press("What the policy says"))
    which = dialog(await steps.press("Decide what to do"))
    await which.fill({"grid_kind": "unsuitable_material"})
    chosen = dialog(await which.submit())
    await chosen.fill({"grid_own": DECIDED, **{f: "leave" for f in chosen.fields if f.startswith("grid_step:")}})
    await chosen.fill({"grid_why": DECIDED})
    timeline = dialog(await chosen.submit())
    for written in (NOTED, TO_DO, TOLD, DECIDED):
        assert written in timeline.shown, (written, timeline.errors)
    await stage.settled()


async def kept(stage: Stage, reference: str) -> None:
    """A case that must be kept, a pupil's records on their way, a page about somebody, and a breach."""
    keeping = dialog(await (await case_of(stage, "deputy", reference)).press("How long it is kept"))
    await keeping.fill({"choice": "hold", "reason": HELD})
    assert "is kept" in dialog(await keeping.submit()).shown
    moving = dialog(await handover_asked_for(stage, "dsl"))
    await moving.fill({"person": [LISTED], "next_school": NEXT_SCHOOL})
    assert PASSPHRASE.search(dialog(await moving.submit()).shown)
    about = dialog(await subject_asked_for(stage, "dsl"))
    await about.fill({"person": [LISTED]})
    assert PASSPHRASE.search(dialog(await about.submit()).shown)
    found = dialog(await breach_asked_for(stage, "headteacher"))
    await found.fill({"kind": "lost", "what": BREACH})
    assert BREACH in dialog(await found.submit()).shown
    await stage.expects("dsl", "CSS-B-2026-", "is to be decided by")
    file = dialog(await stage.press("dsl", "Read and decide", "CSS-B-2026-"))
    await file.fill({"contain": "done", "decision": "no_risk", "reason": NO_RISK})
    await file.submit()
    await stage.expects("chair", "CSS-B-2026-", "It is decided")
    await stage.settled()


async def measured_and_signed(stage: Stage) -> None:
    """A third case: what was taken, searched and paid for, what the case became, and who signed it or sent it back."""
    reference = await stage.reports("teacher", KIND, {"what": WHAT, "targets": [LISTED]})
    await stage.expects("dsl", reference)
    await stage.press("dsl", "Acknowledge", reference)
    await stage.expects("dsl", reference, "Acknowledged by")
    whose: dict[str, Value] = {"entry_item": TAKEN, "entry_from": "not_named", "entry_from_who": LENT_BY}
    taken: dict[str, Value] = {**whose, "entry_place": KEPT_AT, "entry_doer": ["Dana Okafor"]}
    timeline = await adds(await case_of(stage, "dsl", reference), "confiscation", taken)
    searched: dict[str, Value] = {
        **whose,
        "entry_grounds": GROUNDS,
        "entry_authorised": ["Helen Pemberton"],
        "entry_doer": ["Dana Okafor"],
        "entry_present": PRESENT,
        "entry_outcome": FOUND,
    }
    stage.clock.advance(minutes=1)
    timeline = await adds(timeline, "search", searched)
    stage.clock.advance(minutes=1)
    block: dict[str, Value] = {"entry_from": "not_named", "entry_from_who": LENT_BY, "entry_blocked": "account"}
    timeline = await adds(timeline, "block", block)
    stage.clock.advance(minutes=1)
    bill: dict[str, Value] = {"entry_what": BROKEN, "entry_cost": "79.50", "entry_billed": "parents", "entry_paid": "no"}
    timeline = await adds(timeline, "damage", bill)
    stage.clock.advance(minutes=1)
    moved: dict[str, Value] = {"entry_place": MOVED_TO, "entry_doer": ["Maja Lindqvist"]}
    timeline = await says(timeline, "It is kept elsewhere", moved)
    stage.clock.advance(minutes=1)
    timeline = await says(timeline, "It was given back", {"entry_to": GIVEN_TO})
    for written in (TAKEN, KEPT_AT, LENT_BY, GROUNDS, FOUND, PRESENT, BROKEN, MOVED_TO, GIVEN_TO):
        assert written in timeline.shown, written
    why: dict[str, Value] = {"change_reason": CHANGED, "change_concern": "grooming", "change_urgency": "high"}
    await changes(stage, "dsl", reference, "reclassify", why)
    due = (stage.clock.now() + timedelta(days=7)).replace(second=0, microsecond=0).isoformat()
    await changes(stage, "dsl", reference, "review", {"change_reason": LOOKED_AT, "change_due": due})
    looked = await looks_up(stage, "dsl", reference)
    assert isinstance(looked, Dialog)
    made = await dialog(await looked.press("Log form")).submit()
    assert PASSPHRASE.search(dialog(made).shown)
    assert TAKEN not in str(await stage.command("it", "queue"))
    await signed_at_last(stage, reference)
    await changes(stage, "dsl", reference, "reopen", {"change_reason": OPENED_AGAIN})
    assert OPENED_AGAIN in (await case_of(stage, "dsl", reference)).shown
    page = dialog(await dialog(await looks_up(stage, "dsl", reference)).press(f"Chronology: {LISTED}"))
    assert reference in page.shown
    assert isinstance(await stage.command("dsl", "figures"), Dialog | str)
    await stage.settled()


async def signed_at_last(stage: Stage, reference: str) -> None:
    """Closed, sent back, closed anew and signed."""
    closing = dialog(await stage.press("dsl", "Close", reference))
    await closing.fill({"outcome": OUTCOME, "result": "referred"})
    await closing.submit()
    await stage.settled()
    stage.clock.advance(minutes=1)
    await stage.expects("chair", f"To be signed off: {reference}")
    back = dialog(await dialog(await stage.press("chair", "Look and sign", reference)).press("Send back"))
    await back.fill({"change_reason": SENT_BACK})
    assert "is sent back" in dialog(await back.submit()).shown
    await stage.settled()
    await closes(stage, "dsl", reference)
    stage.clock.advance(minutes=1)
    await stage.expects("chair", f"To be signed off: {reference}")
    page = dialog(await stage.press("chair", "Look and sign", reference))
    await page.fill({"sign_note": SIGNED})
    assert "Your signature" in dialog(await page.submit()).shown
    await stage.settled()


async def registered(stage: Stage) -> None:
    """A risk that somebody lives with, and a change of the filter that somebody refuses; the whole register taken out."""
    form = dialog(await (await opens(stage, "dsl", "Risk register")).press("Add a line"))
    rated: dict[str, Value] = {"reg_likelihood": "4", "reg_impact": "5", "reg_likelihood_why": LIKELY}
    cared: dict[str, Value] = {"reg_owner": ["Iga Nowak"], "reg_mitigation": MITIGATED, "reg_review": soon(stage, 20)}
    line = await sends(form, {"reg_risk": RISK, **rated, **cared})
    for written in (RISK, LIKELY, MITIGATED):
        assert written in line.shown, (written, line.errors)
    page = await opens(stage, "headteacher", "Risk register")
    decided = dialog(await dialog(await page.press(reading(page))).press("Decide"))
    assert AGREED_TO in (await sends(decided, {"reg_state": "accepted", "reg_note": AGREED_TO})).shown
    form = dialog(await (await opens(stage, "it", "Filter changes")).press("Add a line"))
    told: dict[str, Value] = {"reg_change": "unblocked", "reg_what": SITE, "reg_why": ALLOWED, "reg_until": soon(stage, 30)}
    assert SITE in (await sends(form, told)).shown
    await stage.expects("dsl", "CSS-F-2026-", "waits for a second person")
    decided = dialog(await dialog(await stage.press("dsl", "Read", "CSS-F-2026-")).press("Decide"))
    assert REFUSED in (await sends(decided, {"reg_state": "refused", "reg_note": REFUSED})).shown
    made = dialog(await (await opens(stage, "dsl", "Filter changes")).press("Take it out"))
    assert PASSPHRASE.search(made.shown)
    await stage.settled()


async def asked_for(stage: Stage) -> None:
    """A site for a lesson: asked back, worded anew, refused."""
    until = {"req_since": soon(stage, 0), "req_until": soon(stage, 30)}
    await asks(stage, "teacher", LESSON_OF, {"req_site": ASKED_SITE, "req_why": LESSON, **until})
    await stage.expects("cabot head", "waits for your answer")
    await answers(stage, "cabot head", {"submission_answer": "returned", "submission_note": ASKED_BACK})
    await stage.expects("teacher", "You are asked something")
    form = dialog(await dialog(await stage.press("teacher", "Read", "CSS-P-")).press("Answer and send again"))
    assert ASKED_BACK in form.shown
    await form.fill({"req_why": REWORDED})
    assert REWORDED in dialog(await form.submit()).shown
    await stage.settled()
    page = await answers(stage, "cabot head", {"submission_answer": "refused", "submission_note": NOT_NOW})
    assert NOT_NOW in page.shown
    await stage.expects("teacher", "No. Read why.")


async def consented(stage: Stage) -> None:
    """Consent for somebody by name alone, and for a pupil of the list; a teacher asks, and the lead withdraws it."""
    for name in (CONSENTED, LISTED):
        form = dialog(await dialog(await consent(stage, "dsl")).press("Record consent"))
        entry = await sends(
            form, {"consent_pupil": [name], "consent_use_website": "yes", "consent_by": "parent", "consent_note": SLIP}
        )
        assert SLIP in entry.shown
        assert f"{name}" in (await consent_for(stage, "teacher", name)).shown
    dialog(await entry.press("Withdraw all"))


async def half_a_report(stage: Stage) -> None:
    """One that a database in trouble refuses, with a traceback in the log; taken up again, it is sent back, and so kept."""
    first = dialog(await stage.command("teacher", "report"))
    await first.fill(KIND)
    second = dialog(await first.submit())
    no: dict[str, Value] = {f: "no" for f in ("repeat", "illegal") if f in second.fields}
    async with reports_refused(stage.bot.database):
        await second.fill({**no, **REPORT})
        with suppress(AssertionError):  # the console's page is told that it failed, and its stage takes no failure
            await second.submit()
    begun = dialog(await stage.command("teacher", "report"))
    again = dialog(await begun.press("Carry on"))
    await again.fill({**no, "what": HALF_TYPED, "targets": [TYPED], "when": "2026-12-01T10:00:00+00:00"})
    assert "when" in dialog(await again.submit()).errors


def test_a_word_is_found_in_every_disguise_and_wherever_it_stands() -> None:
    """What finds nothing below would find it."""
    for word in PLANTED:
        for disguise in disguises(word):
            assert len(disguise) >= 4
            for before in range(4):
                assert word in found_in(b"x" * before + disguise), (word, disguise)
    assert found_in(b"") == found_in(b"the") == found_in(b"nothing of it") == set()


async def test_nobody_finds_what_was_written(signed: Stage, tmp_path: Path) -> None:
    """In the database's bytes, its log, a backup, what is restored from it, the log, the metrics, the status and the chats."""
    stage = signed
    database = stage.bot.database
    with logs() as (as_text, as_json):
        await put_on_the_list(stage)
        reference = await the_story(stage)
    where = {
        "the database": await everything_in(database),
        "the log": as_text.getvalue().encode() + as_json.getvalue().encode(),
        "the metrics": (await page(stage)).encode(),
        "the chats": said_by_the_bot(stage),
        "the pages": b"".join(page.name.encode() + page.read_bytes() for page in stage.bot.settings.exports_folder.iterdir()),
    }
    school = next(iter(stage.bot.schools.values()))
    status = await look(stage.bot.settings, {school.id: school}, stage.clock.now())
    where["the status"] = str(status.as_json()).encode() + str(status.lines).encode()
    backup = tmp_path / "backup.db"
    await back_up(database, backup, stage.clock.now())
    where["the backup"] = backup.read_bytes()
    restored = Database(f"sqlite:///{tmp_path / 'restored.db'}", database.vault.source)
    await restore(backup, restored)
    where["what was restored"] = await everything_in(restored)
    assert {name: found_in(content) for name, content in where.items()} == {name: set() for name in where}
    # And it is there for those whom it is for, also in what was restored.
    for one in (database, restored):
        async with Store(one).transaction(school, write=False) as records:
            incident = await records.incident_by_reference(reference)
            assert incident is not None
            assert (await records.narrative(incident.id)).what_happened == REPORT["what"]
            assert {p.name for p in await records.participants(incident.id)} == {TYPED, LISTED}
            assert {n.text for n in await records.case_notes(incident.id)} == {HANDED_ON, OUTCOME, HELD}
            assert [p.name for p in await records.search_people("longb perp", 5)] == [LISTED]
            assert SILENT in {gap.text for gap in await records.gaps(10)}
    await restored.close()
