"""What staff asked and the policy does not say, for those who review it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from domain.access import may_read_gap, may_review_questions, stands_in_for_reviewers
from domain.asking import Gap, GapFile, GapLine
from domain.people import Account, School
from handlers.ports import Ports, Records, actor
from handlers.rights import viewer

MOST_GAPS = 500


@dataclass(frozen=True, slots=True)
class GapList:
    """What is to be reviewed, what is asked most first."""

    lines: tuple[GapLine, ...]


@dataclass(frozen=True, slots=True)
class NotAReviewer:
    """Only those who review the policy read what was asked."""


async def gaps(ports: Ports, school: School, account: Account) -> GapList | NotAReviewer:
    """What the policy was silent on, by question."""
    async with ports.store.transaction(school, write=False) as records:
        found = await _theirs(records, school, account)
    if found is None:
        return NotAReviewer()
    questions = (await ports.answers.engine(school.policy)).catalogue.questions
    lines = [
        GapLine(question, questions[question].title if question in questions else "", len(asked), max(g.at for g in asked))
        for question, asked in _by_question(found)
    ]
    return GapList(tuple(sorted(lines, key=lambda line: (-line.count, line.title))))


async def read(ports: Ports, school: School, account: Account, question: str) -> GapFile | NotAReviewer:
    """How one thing was asked. That it was read is recorded: people write all sorts of things in a question."""
    async with ports.store.transaction(school) as records:
        theirs = await _theirs(records, school, account)
        if theirs is None:
            return NotAReviewer()
        found = [g for g in theirs if g.question == question]
        await records.note(ports.clock.now(), actor(account), "gaps.read", question=found[0].question if found else "")
    questions = (await ports.answers.engine(school.policy)).catalogue.questions
    return GapFile(question, questions[question].title if question in questions else "", tuple(found))


async def settle(ports: Ports, school: School, account: Account, question: str) -> GapList | NotAReviewer:
    """It has been looked at: what was typed is forgotten, but for what may speak of whoever says so."""
    now = ports.clock.now()
    async with ports.store.transaction(school) as records:
        theirs = await _theirs(records, school, account)
        if account.person_id is None or theirs is None:
            return NotAReviewer()
        count = await records.settle_gaps([g.id for g in theirs if g.question == question], account.person_id, now)
        if count:
            await records.note(now, actor(account), "gaps.settled", question=question, count=count)
    return await gaps(ports, school, account)


async def _theirs(records: Records, school: School, account: Account) -> list[Gap] | None:
    """What somebody may read of it; None for whoever has nothing to do with it. That there is more they are not told."""
    looking = await viewer(records, school, account)
    reviews = may_review_questions(looking)
    if not reviews and not stands_in_for_reviewers(looking):
        return None
    found = [g for g in await records.gaps(MOST_GAPS) if may_read_gap(looking, g.text)]
    return found if found or reviews else None


def _by_question(found: Iterable[Gap]) -> list[tuple[str, list[Gap]]]:
    ordered = sorted(found, key=lambda g: g.question)
    return [(question, list(asked)) for question, asked in groupby(ordered, key=lambda g: g.question)]
