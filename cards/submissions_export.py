"""All requests of one type to take away: each as it stands, and all that was done with it."""

from collections.abc import Iterable, Sequence

from cards import taken_out
from cards.submissions import did, state_of, value_of
from cards.taken_out import TakenOut
from cards.texts import dated, day_of, say
from domain.people import School
from domain.request_types import RequestType
from domain.submissions import SubmissionExport, SubmissionFile, SubmissionVersion


def submissions_csv(school: School, export: SubmissionExport) -> str:
    """All that was done with each, a row each; the newest of a request says so."""
    return taken_out.csv_text(_taken(school, export))


def submissions_workbook(school: School, export: SubmissionExport) -> bytes:
    """The requests as they stand, and all that was done with them."""
    return taken_out.workbook(_taken(school, export))


def submissions_page(school: School, export: SubmissionExport) -> str:
    """What the sealed page shows: the requests as they stand, and the two files to save."""
    return taken_out.page(_taken(school, export))


def _taken(school: School, export: SubmissionExport) -> TakenOut:
    day = day_of(export.at.astimezone(school.calendar.timezone).date())
    heads = _heads(export.type)
    of_change = [say(f"submission.history_{h}") for h in ("when", "who", "what")]
    of_change += [say(f"register.csv_{x}") for x in ("number", "latest")]
    return TakenOut(
        say("register.exported", name=export.type.title, school=school.name, day=day),
        f"{school.prefix}-requests-{export.type.id}",
        heads,
        [[*_row(school, file, file.newest)] for file in export.files],
        [*heads, *of_change],
        [*_history(school, export)],
    )


def _heads(kind: RequestType) -> list[str]:
    heads = (say("register.reference"), say("register.state"), say("submission.asker"), say("submission.sent_at"))
    return [*heads, say("submission.until"), say("submission.undone"), *(item.label for item in kind.items)]


def _row(school: School, file: SubmissionFile, version: SubmissionVersion) -> Iterable[object]:
    """A request as it read and stood after one of the things that were done with it."""
    place = version.place
    yield file.submission.reference
    yield state_of(place)
    yield file.asker or say("submission.somebody")
    yield dated(school, file.submission.sent_at)
    yield dated(school, place.until) if place.until is not None else ""
    yield "; ".join(task.title for task in file.type.tasks if task.id in place.tasks)
    for item in file.type.items:
        yield value_of(school, file, item, version)


def _history(school: School, export: SubmissionExport) -> Iterable[Sequence[object]]:
    for file in export.files:
        for v, who in file.history:
            latest = say("register.csv_yes" if v.number == file.submission.versions else "register.csv_no")
            by = who or say("submission.by_itself" if not v.person_id else "submission.somebody")
            yield [*_row(school, file, v), dated(school, v.at), by, did(file, v), v.number, latest]
