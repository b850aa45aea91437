"""What somebody has before them: the cases that they may answer, and what else waits for them."""

from dataclasses import dataclass
from datetime import datetime

from domain.asking import UnheardRequest
from domain.entries import Overdue
from domain.incident import CaseLine, Undelivered


@dataclass(frozen=True, slots=True)
class Queue:
    """What is somebody's to answer, unanswered first. `answers`: they hold a role, or were asked.

    `undelivered`: what was given up of the messages about these cases. `unheard`: what staff asked of somebody like them,
    and nobody got. `records_wait`: something about the records themselves waits for them. `overdue`: what is not done in time.
    """

    lines: tuple[CaseLine, ...]
    answers: bool
    now: datetime
    undelivered: tuple[Undelivered, ...] = ()
    unheard: tuple[UnheardRequest, ...] = ()
    records_wait: bool = False
    overdue: tuple[Overdue, ...] = ()
