"""All signatures to an agreement to take away: how everybody stands with it, and each signature that was ever given."""

from collections.abc import Iterable, Sequence

from cards import taken_out
from cards.taken_out import TakenOut
from cards.texts import dated, day_of, say
from domain.people import School
from domain.signings import SigningExport


def signing_page(school: School, export: SigningExport) -> str:
    """What the sealed page shows: how everybody stands, and the two files to save."""
    return taken_out.page(_taken(school, export))


def signing_csv(school: School, export: SigningExport) -> str:
    """Each signature, a row each."""
    return taken_out.csv_text(_taken(school, export))


def signing_workbook(school: School, export: SigningExport) -> bytes:
    """How everybody stands, and each signature."""
    return taken_out.workbook(_taken(school, export))


def _taken(school: School, export: SigningExport) -> TakenOut:
    agreement, day = export.agreement, day_of(export.at.astimezone(school.calendar.timezone).date())
    stands = ("name", "due", "told", "stands")
    given = ("name", "at", "version", "hash", "done", "until", "by")
    return TakenOut(
        say("register.exported", name=agreement.title, school=school.name, day=day),
        f"{school.prefix}-signed-{agreement.id}",
        [say(f"agreement.column_{c}") for c in stands],
        [*_stands(school, export)],
        [say(f"agreement.column_{c}") for c in given],
        [*_given(school, export)],
    )


def _stands(school: School, export: SigningExport) -> Iterable[Sequence[object]]:
    for gap in export.gaps:
        yield [gap.name, dated(school, gap.due), gap.reminded, say("agreement.has_not")]
    for name, at in export.signed:
        yield [name, "", "", say("agreement.has", version=export.agreement.version, when=dated(school, at))]


def _given(school: School, export: SigningExport) -> Iterable[Sequence[object]]:
    for s in export.given:
        done = dated(school, s.done_at) if s.done_at is not None else ""
        until = dated(school, s.until) if s.until is not None else ""
        by = export.names.get(s.by_id) or say("submission.somebody")
        yield [s.name, dated(school, s.at), s.version, s.text_hash, done, until, by]
