"""What was filled into a Slack view, as the neutral form values."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cards.blockkit import LINES_SUFFIX
from cards.model import FieldValue


def form_values(view: Mapping[str, Any]) -> dict[str, FieldValue]:
    """The values of a view's fields by field id, as `cards.model.FormValues`: '' or () where nothing was filled in.

    The inverse of the fields that `cards.blockkit` draws. Inputs it never draws are left out.
    """
    values: dict[str, FieldValue] = {}
    for field_id, elements in view.get("state", {}).get("values", {}).items():
        for action_id, state in elements.items():
            value = _value(action_id, state)
            if value is not None:
                values[field_id] = value
    return values


def _value(action_id: str, state: Mapping[str, Any]) -> FieldValue | None:
    match state.get("type"):
        case "radio_buttons" | "static_select":
            return _chosen(state.get("selected_option"))
        case "plain_text_input" if action_id.endswith(LINES_SUFFIX):
            return _names(str(state.get("value") or ""))
        case "plain_text_input":
            return str(state.get("value") or "")
        case "datetimepicker":
            return _moment(state.get("selected_date_time"))
        case "multi_external_select":
            options = state.get("selected_options")
            return tuple(_chosen(option) for option in options) if isinstance(options, list) else ()
        case _:
            return None


def _chosen(option: Any) -> str:
    return str(option.get("value") or "") if isinstance(option, Mapping) else ""


def _names(typed: str) -> tuple[str, ...]:
    return tuple(f"text:{name}" for name in (" ".join(line.split()) for line in typed.splitlines()) if name)


def _moment(seconds: Any) -> str:
    if seconds is None:
        return ""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat()
    except (ValueError, TypeError, OverflowError, OSError):
        return "no moment"
