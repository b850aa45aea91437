"""The form that asks what is held about one person; a sealed page that was made, where it lies, and until when."""

from collections.abc import Sequence
from datetime import datetime

from cards.filled import whose_field, with_faults
from cards.model import (
    Banner,
    Button,
    Buttons,
    ButtonStyle,
    Card,
    Confirm,
    Form,
    Part,
    Text,
    Tone,
    Weight,
)
from cards.texts import dated, day_of, say
from domain.exports import LIVES, Page, PageLine
from domain.people import School
from domain.subject_access import PERSON, SubjectQuestions

SUBJECT, SUBJECT_FORM, KEEP_PAGE, DROP_PAGE = "subject", "subject_form", "keep_page", "drop_page"


def subject_button() -> Button:
    """What stands beside the list of records."""
    return Button(SUBJECT, say("export.ask"), opens_form=True)


def subject_card() -> Card:
    """In answer to the word in a chat, where no form can be opened without a press."""
    return Card(say("export.title"), say("export.text"), (Text(say("export.text")), Buttons((subject_button(),))))


def subject_form(questions: SubjectQuestions, shown_id: str = "") -> Form:
    """About whom. `shown_id`: sent twice, it has one page made."""
    return with_faults(
        Form(
            id=SUBJECT_FORM,
            title=say("export.title"),
            parts=(
                Text(say("export.text")),
                whose_field(PERSON, say("export.person"), questions.filled, say("export.person_hint")),
                Text(say("export.limits"), Weight.MUTED),
            ),
            submit=say("export.submit"),
            state=shown_id,
        ),
        questions.faults,
    )


def made_card(school: School, made: Page, passphrase: str) -> Card:
    """Where the page lies and until when, and the passphrase, which is shown here and nowhere else."""
    text = say("export.made", name=made.file, count=len(made.cases))
    return Card(
        say("export.made_title"),
        text,
        (
            Text(text),
            Banner(say("export.passphrase", passphrase=passphrase), Tone.WARNING),
            Text(say("export.next"), Weight.MUTED),
            until_text(school, made),
        ),
    )


def taken_out_card(school: School, name: str, made: Page, passphrase: str) -> Card:
    """The same for a whole list of that name, which a spreadsheet can open."""
    text = say("register.made_text", name=made.file, register=name)
    told = Banner(say("export.passphrase", passphrase=passphrase), Tone.WARNING)
    next_ = Text(say("register.made_next"), Weight.MUTED)
    return Card(say("register.made"), text, (Text(text), told, next_, until_text(school, made)))


def made_before_card(school: School, made: Page, passphrase: str) -> Card:
    """That a form has had its page made, for whoever sends it again. Nobody knows a passphrase that is empty any more."""
    text = say("export.made_before", name=made.file)
    told = say("export.passphrase", passphrase=passphrase) if passphrase else say("export.passphrase_lost")
    return Card(
        say("export.made_before_title"),
        text,
        (Text(text), Banner(told, Tone.WARNING), until_text(school, made), Buttons((drop_button(made),))),
    )


def drop_button(made: Page) -> Button:
    """To delete a page before its time."""
    sure = Confirm(say("export.drop_title"), say("export.drop_text"), say("export.drop"), say("export.drop_no"))
    return Button(DROP_PAGE, say("export.drop"), made.id, ButtonStyle.DANGER, confirm=sure)


def until_text(school: School, made: Page) -> Text:
    """Until when a page lies there."""
    return Text(say("export.until", day=_local_day(school, made.ends_at)), Weight.MUTED)


def locked_until(school: School, made: Page) -> str:
    """The same as it stands on the page itself, for whoever has a copy."""
    return say("export.locked_until", day=_local_day(school, made.ends_at))


def page_lines(school: School, pages: Sequence[PageLine], now: datetime) -> tuple[Part, ...]:
    """The pages that the reader has made, by the name of the file, and what can be done about each."""
    parts: list[Part] = []
    for line in pages:
        p = line.page
        told = {"file": p.file, "when": dated(school, p.at), "day": _local_day(school, p.ended_at or p.ends_at)}
        if p.ended is not None:
            parts.append(Text(say("export.line_ended", **told, why=say(f"export.why_{p.ended}")), Weight.MUTED))
            continue
        plain = say("export.line_over" if p.ends_at <= now else "export.line", **told)
        text = say(f"export.stays_{line.stays}", **told) if line.stays is not None else plain
        keep = Button(KEEP_PAGE, say("export.keep", days=LIVES.days), p.id)
        parts += [Banner(text, Tone.WARNING) if p.is_near_its_end(now) else Text(text), Buttons((keep, drop_button(p)))]
    return tuple(parts)


def _local_day(school: School, at: datetime) -> str:
    return day_of(at.astimezone(school.calendar.timezone).date())
