"""`esafety pack test`: asks a policy its own questions, and routes its own cases."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bot.pack_commands import counted, home_of_pack
from storage.answering import load_engine
from storage.packs import Pack, load_pack
from storage.policy_files import shared_folder
from storage.trials import Asked, Mark, ask_all


def test(path: Path, least: float) -> int:
    """Asks a pack its own questions and routes its own cases; what went wrong is printed, the worst first.

    Raises:
        PolicyFileError: the pack is not sound.
    """
    pack = load_pack(home_of_pack(path))
    asked = list(ask_all(load_engine(pack.policy, _beside(home_of_pack(path))), pack.trials))
    marks = Counter(a.mark for a in asked)
    routed = _misrouted(pack)
    _show("Wrongly permitted", [a for a in asked if a.mark is Mark.PERMITTED])
    if routed:
        print("Wrongly routed:")
        for line, story, mistakes in routed:
            print(f"  {home_of_pack(path) / 'routing_tests.yaml'}:{line}: {story}\n    {'; '.join(mistakes)}")
    _show("Wrong", [a for a in asked if a.mark is Mark.WRONG])
    _show("Offered, not given", [a for a in asked if a.mark is Mark.OFFERED])
    share = marks[Mark.RIGHT] / len(asked) if asked else 1.0
    print(
        f"{pack.policy.id}: {len(pack.cases) - len(routed)} of {counted(len(pack.cases), 'case')} routed right; "
        f"{marks[Mark.RIGHT]} of {counted(len(asked), 'question')} right ({share:.1%}, at least {least:.1%} wanted), "
        f"{marks[Mark.OFFERED]} more offered, {marks[Mark.PERMITTED]} wrongly permitted."
    )
    return int(bool(routed or marks[Mark.PERMITTED] or share < least))


def _misrouted(pack: Pack) -> list[tuple[int, str, list[str]]]:
    return [(line, case.story, wrong) for line, case in pack.cases if (wrong := case.mistakes(pack.policy))]


def _show(heading: str, asked: Iterable[Asked]) -> None:
    for number, one in enumerate(asked):
        if number == 0:
            print(f"{heading}:")
        wanted = f"{' or '.join(sorted(one.wanted))} for {' or '.join(one.trial.to) or 'anything'}"
        print(f"  {one.trial.path}:{one.trial.line}: {one.text}")
        print(f"    wanted {wanted}; got {one.verdict} for {one.question}")


def _beside(home: Path) -> Path | None:
    """The folder of policies that a pack stands in, where that is one with a catalogue of its own."""
    shared = shared_folder(home)
    return shared if shared == home.resolve().parent else None
