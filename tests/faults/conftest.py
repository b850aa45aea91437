"""The profile `long`, with which Hypothesis looks for longer: pytest tests/faults --hypothesis-profile=long."""

from hypothesis import settings

settings.register_profile("long", max_examples=1000)
