"""Ask before publishing, on every platform: recorded, asked, told yes until a day, withdrawn, told no from then on."""

from datetime import timedelta

from tests.handlers.office import import_people
from tests.story.stage import Dialog, Stage, Value

PUPIL, CLASS, NOBODY = "Robin Fielding", "8C", "Quincy Nettlefold"
NOTE = "The slip is in the blue folder"


async def after(opened: "Dialog | str | None") -> Dialog:
    """What is open now."""
    assert isinstance(opened, Dialog), opened
    return opened


async def consent(stage: Stage, who: str) -> Dialog:
    """Types the command, and comes to the form; where a chat opens no dialog by itself, by the button it shows."""
    answer = await stage.command(who, "consent")
    return answer if isinstance(answer, Dialog) else await after(await stage.press(who, "Ask before publishing", ""))


async def asks(stage: Stage, who: str, name: str, use: str = "website", form: str = "") -> Dialog:
    """Asks about a pupil. What is told then."""
    dialog = await consent(stage, who)
    values: dict[str, Value] = {"consent_pupil": [name], "consent_use": use, "consent_class": form}
    await dialog.fill(values)
    return await after(await dialog.submit())


async def records(stage: Stage, who: str, name: str, form: str = "", **said: str) -> Dialog:
    """Records what was said for a pupil a day ago. The entry as it is shown then."""
    dialog = await after(await (await consent(stage, who)).press("Record consent"))
    since = (stage.clock.now() - timedelta(days=1)).isoformat()
    told: dict[str, Value] = {f"consent_use_{use.replace('_', '-')}": word for use, word in said.items()}
    whose: dict[str, Value] = {"consent_pupil": [name], "consent_class": form}
    await dialog.fill({**whose, **told, "consent_by": "parent", "consent_since": since, "consent_note": NOTE})
    return await after(await dialog.submit())


async def test_a_yes_is_told_until_its_day_and_a_withdrawal_holds_at_once(stage: Stage) -> None:
    """The lead records what the parents signed; a teacher asks; it is withdrawn, and the next who asks is told no."""
    told = await asks(stage, "teacher", PUPIL)
    assert "No consent is recorded: do not publish." in told.shown
    entry = await records(stage, "dsl", PUPIL, CLASS, website="yes", press="no", work="yes")
    assert "It is recorded" in entry.shown
    assert NOTE in entry.shown

    told = await asks(stage, "teacher", PUPIL, "all")
    assert PUPIL in told.shown
    assert "The school's website: yes, until 23 November 2027. Given by a parent or carer on 23 November 2026." in told.shown
    assert "Newspapers and television: no. Consent was refused" in told.shown
    assert "that is not enough. Do not publish." in told.shown
    assert "A newsletter or the prospectus: no. No consent is recorded." in told.shown
    assert NOTE not in told.shown

    found = await asks(stage, "dsl", PUPIL)
    entry = await after(await found.press("Open the entry"))
    entry = await after(await entry.press("Withdraw all"))
    assert "withdrawn" in entry.shown
    told = await asks(stage, "teacher", PUPIL)
    assert "The school's website: no. Consent was withdrawn on 24 November 2026. Do not publish." in told.shown
    assert ": yes" not in told.shown
    await stage.settled()
    assert PUPIL not in stage.raw_chat()
    assert NOTE not in stage.raw_chat()


async def test_a_name_that_nobody_knows_is_a_no_and_so_is_one_nearly_right(stage: Stage) -> None:
    """Only the whole name as it was recorded says yes."""
    await records(stage, "dsl", PUPIL, CLASS, website="yes")
    for name in (NOBODY, "Robin Feilding", "Robin", "Fielding", "Robin Fieldings"):
        told = await asks(stage, "teacher", name)
        assert "No consent is recorded: do not publish." in told.shown, name
        assert ": yes" not in told.shown
    told = await asks(stage, "teacher", PUPIL, form="7B")
    assert "No consent is recorded: do not publish." in told.shown
    assert "The school's website: yes" in (await asks(stage, "teacher", PUPIL.upper())).shown


async def test_two_of_one_name_are_told_apart_by_their_class(stage: Stage) -> None:
    """As long as two may be meant, nobody is told yes."""
    await records(stage, "dsl", PUPIL, "8C", website="yes")
    await records(stage, "deputy", PUPIL, "7B", website="no")
    told = await asks(stage, "teacher", PUPIL)
    assert "Several pupils may be meant" in told.shown
    assert ": yes" not in told.shown
    assert "The school's website: yes" in (await asks(stage, "teacher", PUPIL, form="8 c")).shown
    assert "Consent was refused" in (await asks(stage, "teacher", PUPIL, form="7B")).shown


async def test_an_older_yes_does_not_overtake_a_no_and_an_old_one_runs_out(stage: Stage) -> None:
    """What was refused stays refused until somebody agrees anew; a year later a yes is none."""
    await records(stage, "dsl", PUPIL, CLASS, website="no")
    stage.clock.advance(minutes=1)
    dialog = await after(await (await consent(stage, "dsl")).press("Record consent"))
    since = (stage.clock.now() - timedelta(days=30)).isoformat()
    values: dict[str, Value] = {"consent_pupil": [PUPIL], "consent_class": CLASS, "consent_use_website": "yes"}
    await dialog.fill({**values, "consent_by": "parent", "consent_since": since})
    again = await after(await dialog.submit())
    assert set(again.errors) == {"consent_since"}
    await again.fill({"consent_since": stage.clock.now().isoformat()})
    assert "The school's website: yes" in (await after(await again.submit())).shown
    stage.clock.advance(days=366)
    told = await asks(stage, "teacher", PUPIL)
    assert "and ended on" in told.shown
    assert ": yes" not in told.shown


async def test_only_those_who_keep_it_record_and_read_entries(stage: Stage) -> None:
    """Whoever may ask is offered nothing else, and an answer about photographs leads there."""
    form = await consent(stage, "teacher")
    assert "Record consent" not in form.shown
    answer = await stage.ask("teacher", "Can I put a photo of my class on the school website?")
    assert "Ask before publishing" in answer


async def test_a_pupil_of_the_list_is_picked_and_found_by_name_too(stage: Stage) -> None:
    """Recorded without a class, which is the list's; whoever types the name is told of the same pupil."""
    listed = "Bea Exemplar"
    (school,) = stage.bot.schools.values()
    await import_people(stage.bot.database, school, stage.clock.now())
    entry = await records(stage, "dsl", listed, website="yes")
    assert f"{listed}, 8C" in entry.shown
    told = await asks(stage, "teacher", listed)
    assert f"About {listed}, 8C" in told.shown
    assert "The school's website: yes" in told.shown
    assert "No consent is recorded" in (await asks(stage, "teacher", "Alfie Demosson")).shown
