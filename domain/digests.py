"""What is drafted for parents out of a term's figures: topics and advice, and never a number.

Nothing but what was published goes into it, so that it says nothing that the figures do not. docs/adr/0034.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from domain.agencies import Agency
from domain.figures import Figures, Span, Table
from domain.school_dates import DateEntry, TopicAdvice


@dataclass(frozen=True, slots=True)
class Digest:
    """A draft. `topics`: each with the agencies where families find help. `dates`: what comes that parents are told of.

    `span` is None as long as no term has figures. `terms`: which others there are to choose, the newest first.
    """

    span: Span | None
    topics: tuple[tuple[TopicAdvice, tuple[Agency, ...]], ...]
    dates: tuple[tuple[date, DateEntry], ...]
    terms: tuple[Span, ...] = ()


def sure_topics(topics: Iterable[TopicAdvice], figures: Figures) -> tuple[TopicAdvice, ...]:
    """The topics of which there surely were as many cases in the term as the figures' base.

    A published number may be too high by `off`, so that as many are taken off each concern's first.
    """
    concerns = figures.tables.get(Table.CONCERN, {})
    return tuple(t for t in topics if sum(max(0, concerns.get(c, 0) - figures.off) for c in t.concerns) >= figures.base)
