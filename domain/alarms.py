"""Grave things that somebody may be telling of while they ask a question: to be told to people at once, whatever the rule is.

Better one banner too many than a child's harm taken for a question about phones.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.answers import ReportHint
from domain.language import Phrases, Reader, Table

_UNLESS = "unless"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What raises it: one phrase of every list in `every`, and none of `unless`. `report` is filled into the report form."""

    id: str
    report: ReportHint
    every: tuple[Table, ...]
    unless: Table
    images: bool = False


class Alarms:
    """Looks for alarms in texts."""

    def __init__(self, alarms: Iterable[Alarm] = ()) -> None:
        self.all = tuple(alarms)
        self._wanted = [frozenset(f"{n}.{group}" for group in range(len(one.every))) for n, one in enumerate(self.all)]
        together: Table = {}
        for n, one in enumerate(self.all):
            for group, table in enumerate((*one.every, one.unless)):
                name = f"{n}.{group}" if group < len(one.every) else f"{n}.{_UNLESS}"
                for first, phrases in table.items():
                    together.setdefault(first, []).extend((words, name) for words, _ in phrases)
        # All at once: a text is gone through once, not once for each alarm.
        self._phrases = Phrases(table=together)

    def of(self, stems: list[str]) -> Alarm | None:
        """The first alarm that a text raises; those that come first in the file are the gravest."""
        found = {name for _, _, name in self._phrases.all(stems)}
        for n, wanted in enumerate(self._wanted if found else ()):
            if wanted <= found and f"{n}.{_UNLESS}" not in found:
                return self.all[n]
        return None


def alarm(
    id_: str, report: ReportHint, every: Iterable[Iterable[str]], unless: Iterable[str], reader: Reader, *, images: bool
) -> Alarm:
    """An alarm, its phrases read as texts are."""
    return Alarm(id_, report, tuple(_table(group, reader) for group in every), _table(unless, reader), images)


def _table(said: Iterable[str], reader: Reader) -> Table:
    return Phrases((reader.stems(phrase), phrase) for phrase in said).table
