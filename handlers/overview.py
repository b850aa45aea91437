"""All the lists that somebody may read beside the cases, in one. Counts alone: what stands there is noted when it is read."""

from collections import Counter
from collections.abc import Iterable

from domain.access import may_handle_breach, may_read_all, may_read_gaps, may_use_record, may_use_register, signers_of
from domain.overview import Listed, Listing, Overview, Tally
from domain.people import Account, School
from domain.register_terms import RecordState, RegisterAct, RegisterKind
from handlers.acknowledge import NotForYou
from handlers.ports import Ports
from handlers.rights import viewer
from handlers.working import AtTheDesk

MOST_SINGLE = 8
"""So many breaches are shown each by itself: the longest known first, and the others among the records."""


async def everything(ports: Ports, school: School, account: Account) -> Overview | NotForYou:
    """What there is, as far as they may read it."""
    async with ports.store.transaction(school, write=False) as records:
        desk = AtTheDesk(ports, records, await viewer(records, school, account), ports.clock.now())
        if not desk.person:
            return NotForYou()
        lists = (
            *await _registers(desk),
            *await _breaches(desk),
            *await _requests(desk),
            *await _signed(desk),
        )
        return Overview(lists) if lists else NotForYou()


async def _registers(desk: AtTheDesk) -> Iterable[Listed]:
    """Those that they may read as a whole, and those of which a live line is theirs."""
    waiting, due = Counter[RegisterKind](), Counter[RegisterKind]()
    for record in await desk.records.registers_waiting(desk.now):
        if may_use_record(desk.looking, RegisterAct.READ, record):
            waiting[record.kind] += record.state is RecordState.WAITING
            due[record.kind] += record.review_at is not None and record.review_at <= desk.now
    found = []
    for kind in RegisterKind:
        owner = "" if may_use_register(desk.looking, RegisterAct.READ, kind) else desk.person
        live = sum((await desk.records.register_counts(kind, live=True, owner=owner)).values())
        if live or not owner:
            found.append(Listed(Listing.REGISTER, Tally(live, waiting[kind], due[kind]), kind.value))
    return found


async def _breaches(desk: AtTheDesk) -> Iterable[Listed]:
    """Those that they deal with: whoever is named as having caused one learns of none."""
    if not may_handle_breach(desk.looking):
        return ()
    theirs = [b for b in await desk.records.unfinished_breaches() if may_handle_breach(desk.looking, b.caused_by)]
    undecided = [b for b in theirs if b.is_open]
    tally = Tally(len(theirs), len(undecided), sum(b.due_at <= desk.now for b in undecided))
    return (Listed(Listing.BREACHES, tally, single=tuple((b.reference, b.id) for b in theirs[:MOST_SINGLE])),)


async def _requests(desk: AtTheDesk) -> Iterable[Listed]:
    """Each type that they may read all of, but for requests about themselves."""
    kinds = [k for k in desk.school.policy.requests.values() if may_read_all(desk.looking, k)]
    tallies = await desk.records.submission_tallies([k.id for k in kinds], desk.person) if kinds else {}
    return [Listed(Listing.REQUESTS, tallies.get(k.id, Tally()), k.id, k.title) for k in kinds]


async def _signed(desk: AtTheDesk) -> Iterable[Listed]:
    """Each agreement of which they see who has not signed: how many sign it, and how many have not."""
    found = []
    for agreement in desk.school.agreements.values():
        if may_read_gaps(desk.looking, agreement):
            people = {p.id for p in signers_of(desk.school, desk.looking.staff, agreement)}
            have = await desk.records.signed_people(agreement.id, agreement.version, desk.now)
            found.append(Listed(Listing.SIGNED, Tally(len(people), len(people - have)), agreement.id, agreement.title))
    return found
