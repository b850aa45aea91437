"""What somebody has been allowed, or has declared, that answers a question: told with the answer."""

from datetime import datetime

from domain.people import School
from domain.submissions import Doing, Leave
from handlers.ports import Records

_MOST = 3


async def leaves(records: Records, school: School, person_id: str | None, question: str, now: datetime) -> tuple[Leave, ...]:
    """What holds now of theirs, the newest first."""
    kinds = {k.id: k for k in school.policy.requests.values() if question in k.questions}
    if not kinds or person_id is None:
        return ()
    found = []
    for s in await records.held_submissions(person_id, kinds, now, _MOST):
        versions = await records.submission_versions(s.id)
        given = next((v for v in reversed(versions) if v.doing is Doing.GRANTED), None)
        names = await records.names_of_staff({given.person_id}) if given is not None else {}
        by = names.get(given.person_id, "") if given is not None else ""
        since = given.at if given is not None else s.sent_at
        found.append(Leave(s.id, s.reference, kinds[s.type].title, by, since, s.place.until))
    return tuple(found)
