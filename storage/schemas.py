"""JSON Schema of the policy files, made from the doors that read them, for editors that help while one writes."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from storage import (
    agreement_files,
    answer_files,
    calendar_files,
    consent_files,
    coverage,
    grid_files,
    log_form_files,
    policy_files,
    question_files,
    request_files,
    survey_files,
)

FORMS: Mapping[str, type[BaseModel]] = {
    **policy_files.DOORS,
    **answer_files.DOORS,
    **question_files.DOORS,
    **coverage.DOORS,
    **grid_files.DOORS,
    **log_form_files.DOORS,
    **request_files.DOORS,
    **agreement_files.DOORS,
    **calendar_files.DOORS,
    **consent_files.DOORS,
    **survey_files.DOORS,
}
"""The kinds of file there are."""


@cache
def schema(kind: str) -> str:
    """The schema of one kind of file, as text."""
    found = _plain(FORMS[kind].model_json_schema(mode="validation"))
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **found}, indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """Without the names that the forms have in the program. A key that fits no pattern is refused, as the forms do."""
    if isinstance(value, dict):
        if "patternProperties" in value:
            value = {**value, "additionalProperties": False}
        return {k: _plain(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    return [_plain(v) for v in value] if isinstance(value, list) else value
