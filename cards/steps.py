"""A step or a warning with where it comes from: the school's own policy, by printed heading and point, or national guidance."""

from collections.abc import Iterable

from cards.model import Banner, Leaf, Link, Section, Text, Tone, Weight
from cards.texts import say
from domain.people import School
from domain.policy import Step

_MOST_CLAUSES = 3


def step_text(school: School, step: Step) -> str:
    """The step, and on whose authority: clause ids stay inside."""
    if not step.cites:
        return say("receipt.from_guidance", text=step.text)
    clauses = (school.policy.cite(c) for c in step.cites[:_MOST_CLAUSES])
    points = "; ".join(say("receipt.clause", heading=c.heading, point=c.point) for c in clauses)
    return say("receipt.from_policy", text=step.text, points=points)


def policy_source(school: School, steps: Iterable[Step]) -> tuple[Leaf, ...]:
    """Which policy the points are of, with a link to the school's own copy where it gives one; nothing where none is cited."""
    policy = school.policy
    if not any(step.cites for step in steps):
        return ()
    source = Text(say("receipt.policy", title=policy.title, approved=policy.approved), Weight.MUTED)
    return (source, Link(policy.title, policy.url)) if policy.url else (source,)


def steps_section(school: School, title: str, steps: Iterable[Step]) -> tuple[Section, ...]:
    """Steps under a heading; nothing where there are none."""
    lines = tuple(Text(f"\u2022 {step_text(school, s)}") for s in steps)
    return (Section(title, lines),) if lines else ()


def warnings(school: School, steps: Iterable[Step]) -> tuple[Banner, ...]:
    """What must be heeded, each as a banner."""
    return tuple(Banner(step_text(school, s), Tone.WARNING) for s in steps)
