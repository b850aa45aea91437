"""A step or a warning with where it comes from: the school's own policy, by printed heading and point, or national guidance."""

from collections.abc import Iterable

from cards.model import Banner, Section, Text, Tone
from cards.texts import say
from domain.people import School
from domain.policy import Step


def step_text(school: School, step: Step) -> str:
    """The step, and on whose authority: clause ids stay inside."""
    if not step.cites:
        return say("receipt.from_guidance", text=step.text)
    clause = school.policy.cite(step.cites[0])
    return say("receipt.from_policy", text=step.text, heading=clause.heading, point=clause.point)


def steps_section(school: School, title: str, steps: Iterable[Step]) -> tuple[Section, ...]:
    """Steps under a heading; nothing where there are none."""
    lines = tuple(Text(f"\u2022 {step_text(school, s)}") for s in steps)
    return (Section(title, lines),) if lines else ()


def warnings(school: School, steps: Iterable[Step]) -> tuple[Banner, ...]:
    """What must be heeded, each as a banner."""
    return tuple(Banner(step_text(school, s), Tone.WARNING) for s in steps)
