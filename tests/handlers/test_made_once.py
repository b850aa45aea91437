"""A form that has a page made has one made, however often a chat sends it: of a case, of a person, for the next school."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.desk import Desk
from bot.exports import Lately
from bot.replies import Reply, ShowForm, Tell
from cards import export, handovers, log_form, registers, submissions
from cards.model import FormValues
from domain.exports import PageEnd
from domain.incident import Incident
from storage import tables as t
from tests.fakes.sealed_page import open_page
from tests.handlers.office import Office
from tests.handlers.test_casework import taken
from tests.handlers.test_readers_log import pupil
from tests.story.test_subject_access import PASSPHRASE

TO = "Marlwood School"


def desk(office: Office, folder: Path) -> Desk:
    """The school's desk, as one process has it."""
    return Desk(office.ports, office.school, exports=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where sealed pages lie."""
    return tmp_path / "exports"


def files(folder: Path) -> list[Path]:
    """The pages that there are."""
    return list(folder.iterdir())


def shown(reply: Reply) -> str:
    """What is drawn of a reply that is a page."""
    assert isinstance(reply, ShowForm), reply
    return str(reply.form)


async def state_of(desk: Desk, office: Office, who: str, form: str, incident: Incident) -> str:
    """Somebody opens a form; what it carries."""
    account = office.account(who)
    match form:
        case log_form.LOG_FORM:
            opened = await desk.press(account, log_form.LOG_FORM, incident.id)
        case export.SUBJECT_FORM:
            opened = await desk.press(account, export.SUBJECT, "")
        case _:
            opened = await desk.press(account, handovers.HANDOVER, "")
    assert isinstance(opened, ShowForm), opened
    return opened.form.state


async def about(office: Office) -> tuple[Incident, FormValues]:
    """A case of a pupil, and how they are picked in a form."""
    child = f"person:{(await pupil(office)).id}"
    return await taken(office, targets=(child,)), {"person": (child,), "next_school": TO}


@pytest.mark.parametrize("form", [log_form.LOG_FORM, export.SUBJECT_FORM, handovers.HANDOVER_FORM])
async def test_a_form_that_is_sent_again_has_one_page_made(office: Office, folder: Path, form: str) -> None:
    """Even at once: each is shown the passphrase of the one page, and what was taken out stands in the audit once."""
    incident, values = await about(office)
    own = desk(office, folder)
    state = await state_of(own, office, "dsl", form, incident)
    replies = await asyncio.gather(*(own.submit(office.account("dsl"), form, state, values) for _ in range(3)))
    (file,) = files(folder)
    for reply in replies:
        found = PASSPHRASE.search(shown(reply))
        assert found is not None
        assert file.name in shown(reply)
        assert open_page(file.read_text(encoding="utf-8"), found.group())
    assert sum("It was made already" in shown(reply) for reply in replies) == 2
    taken_out = [row for row in await office.rows(t.audit) if row.action.endswith(".exported")]
    assert [row.incident_id for row in taken_out] == [incident.id]
    assert len(await office.rows(t.exports)) == 1
    assert len(await office.rows(t.handovers)) == (form == handovers.HANDOVER_FORM)
    # Another form, or the same one about somebody else, is another wish.
    again = await state_of(own, office, "dsl", form, incident)
    assert again != state
    assert "It was made already" not in shown(await own.submit(office.account("dsl"), form, again, values))
    assert len(files(folder)) == 2


@pytest.mark.parametrize(
    ("shows", "takes", "what", "noted"),
    [
        (registers.SHOW_REGISTER, registers.EXPORT_REGISTER, "filtering", "register.exported"),
        (submissions.SHOW_SUBMISSIONS, submissions.EXPORT_SUBMISSIONS, "unblock-lesson", "submission.exported"),
    ],
)
async def test_a_list_that_is_taken_out_with_one_press_twice_is_on_one_page(
    office: Office, folder: Path, shows: str, takes: str, what: str, noted: str
) -> None:
    """The button carries the page that it was drawn on; drawn anew, it is another wish. Without the right nobody has any."""
    own, lead = desk(office, folder), office.account("dsl")

    async def button() -> str:
        page = await own.press(lead, shows, what)
        assert isinstance(page, ShowForm)
        (found,) = re.findall(rf"'({what}\|[0-9a-f-]{{36}})'", str(page.form))
        return str(found)

    value = await button()
    replies = await asyncio.gather(*(own.press(lead, takes, value) for _ in range(2)))
    (file,) = files(folder)
    for reply in replies:
        found = PASSPHRASE.search(shown(reply))
        assert found is not None
        assert open_page(file.read_text(encoding="utf-8"), found.group())
    assert len([row for row in await office.rows(t.audit) if row.action == noted]) == 1
    assert "It was made already" not in shown(await own.press(lead, takes, await button()))
    assert len(files(folder)) == 2
    assert isinstance(await own.press(office.account("teacher"), takes, value), Tell)


async def test_another_process_says_that_it_was_made_and_nobody_elses_form_counts(office: Office, folder: Path) -> None:
    """Nobody there knows the passphrase: the page can be deleted, and made anew. Another's form is their own."""
    incident, values = await about(office)
    state = await state_of(desk(office, folder), office, "dsl", log_form.LOG_FORM, incident)
    at = log_form.LOG_FORM, state, values
    assert PASSPHRASE.search(shown(await desk(office, folder).submit(office.account("dsl"), *at)))
    elsewhere = desk(office, folder)
    told = shown(await elsewhere.submit(office.account("dsl"), *at))
    assert "It was made already" in told
    assert not PASSPHRASE.search(told)
    assert len(files(folder)) == 1
    assert "It was made already" not in shown(await elsewhere.submit(office.account("deputy"), *at))
    # Whoever has no right to the case is told nothing of a page.
    for who in ("teacher", "headteacher"):
        assert isinstance(await elsewhere.submit(office.account(who), *at), Tell)
    # Once it is deleted, the form makes another.
    (page, _) = await office.rows(t.exports)
    await elsewhere.press(office.account("dsl"), export.DROP_PAGE, page.id)
    assert PASSPHRASE.search(shown(await elsewhere.submit(office.account("dsl"), *at)))
    ended = [row.ended for row in await office.rows(t.exports)]
    assert sorted(ended, key=str) == [None, None, PageEnd.MAKER]


async def test_whoever_has_lost_the_right_is_not_shown_the_passphrase_again(office: Office, folder: Path) -> None:
    """The right is looked at each time, whatever was made before."""
    incident, values = await about(office)
    for form in (log_form.LOG_FORM, export.SUBJECT_FORM):
        own = desk(office, folder)
        state = await state_of(own, office, "deputy", form, incident)
        await own.submit(office.account("deputy"), form, state, values)
        without = office.with_holders(deputy_dsl=[])
        later = Desk(without.ports, without.school, exports=folder, lately=own.lately)
        assert isinstance(await later.submit(office.account("deputy"), form, state, values), Tell), form


async def test_a_passphrase_is_forgotten_after_ten_minutes(office: Office, folder: Path) -> None:
    """It is remembered for a chat that asks once more, and for nothing else."""
    incident, values = await about(office)
    seconds = [0.0]
    own = Desk(office.ports, office.school, exports=folder, lately=Lately(lambda: seconds[0]))
    state = await state_of(own, office, "dsl", log_form.LOG_FORM, incident)
    for at, known in ((0.0, True), (599.0, True), (601.0, False)):
        seconds[0] = at
        told = shown(await own.submit(office.account("dsl"), log_form.LOG_FORM, state, values))
        assert bool(PASSPHRASE.search(told)) is known, at


async def test_it_is_forgotten_though_nobody_asks(office: Office, folder: Path) -> None:
    """The last page that is made at night is not remembered until the morning."""
    incident, values = await about(office)
    seconds, alarms = [0.0], list[tuple[float, Callable[[], None]]]()
    lately = Lately(lambda: seconds[0], lambda after, then: alarms.append((after, then)))
    own = Desk(office.ports, office.school, exports=folder, lately=lately)
    told = shown(
        await own.submit(
            office.account("dsl"),
            export.SUBJECT_FORM,
            await state_of(own, office, "dsl", export.SUBJECT_FORM, incident),
            values,
        )
    )
    passphrase = PASSPHRASE.search(told)
    assert passphrase is not None
    assert passphrase.group() in repr(vars(lately))
    ((after, then),) = alarms
    seconds[0] = after
    then()
    assert passphrase.group() not in repr(vars(lately))
