"""The part of the desk where somebody looks through their queue: page after page, and what of it they want to see."""

from dataclasses import dataclass

from bot.replies import Reply, ShowForm, Tell
from cards import failures, queue
from cards.model import Card, FormValues
from domain.access import in_doubt
from domain.people import Account, School
from domain.queues import CONCERN, KIND, STATE, URGENCY, WHOSE, WORDS, Wanted, as_text, filters_of, wanted_of
from handlers import lists
from handlers.ports import Ports

_WORD = "queue"


@dataclass(frozen=True, slots=True, eq=False)
class QueueDesk:
    """Answers for one school."""

    ports: Ports
    school: School

    async def press(self, account: Account, action: str, value: str) -> Reply | None:
        """A button of one of these pages; None for any other."""
        match action:
            case queue.SHOW_LINES:
                return await self.show(account, value)
            case queue.ASK_LINES:
                return ShowForm(queue.queue_filter_form(self.school, (wanted_of(value) or Wanted()).filters))
        return None

    async def submit(self, account: Account, form_id: str, values: FormValues) -> Reply | None:
        """The form of these pages; None for any other."""
        if form_id != queue.FILTER_FORM:
            return None
        given = (values.get(field) for field in (KIND, WHOSE, CONCERN, URGENCY, STATE))
        filters = filters_of(*(value if isinstance(value, str) else "" for value in given))
        return await self.show(account, as_text(Wanted(filters)) if filters is not None else NO_PAGE)

    async def show(self, account: Account, wanted: str) -> Reply:
        """A page of what is theirs, whatever the button said."""
        if in_doubt(account):
            return Tell(failures.in_doubt_card(self.school))
        return ShowForm(queue.queue_page_form(self.school, await lists.page(self.ports, self.school, account, wanted)))

    async def tell(self, account: Account, wanted: str) -> Card:
        """The same where no dialog can be opened."""
        if in_doubt(account):
            return failures.in_doubt_card(self.school)
        return queue.queue_page_card(self.school, await lists.page(self.ports, self.school, account, wanted))


NO_PAGE = "none"
"""What asks for no page that there is."""


def queue_of_words(text: str) -> str | None:
    """The list that is wanted by «queue» and one of its words, as a button would ask for it; None for anything else."""
    words = text.casefold().split()
    filters = WORDS.get(" ".join(words[1:])) if words[:1] == [_WORD] else None
    return as_text(Wanted(filters)) if filters is not None else None
