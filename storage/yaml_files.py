"""Reads YAML with the line of everything in it, so that a refusal can say where."""

import gc
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class PolicyFileError(Exception):
    """A policy file cannot be used. The message names the file, the place in it, and what to do."""


_TEXT = "tag:yaml.org,2002:str"


class Located(dict[Hashable, Any]):
    """A mapping that knows the line on which it begins, and the lines of its keys."""

    line = 1
    lines: dict[Hashable, int]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, in C where there is one, with lines. A key that comes twice is a slip, and no later one wins."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as PyYAML calls it
        # Nearly all that files hold is text, and to find what makes text of it takes longer than to read it.
        if node.tag == _TEXT and type(node) is yaml.ScalarNode:
            return node.value
        return super().construct_object(node, deep)

    def construct_yaml_map(self, node: yaml.MappingNode) -> Iterator[Located]:
        found = Located()
        found.line, found.lines = node.start_mark.line + 1, {}
        yield found
        own = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        found.update(self.construct_mapping(node))
        for key in own:
            if (name := self.construct_object(key)) in found.lines:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands here twice", key.start_mark)
            found.lines[name] = key.start_mark.line + 1


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)


@contextmanager
def uncollected() -> Iterator[None]:
    """For what puts much together that stays: to look through it for garbage while it grows takes as long as the work."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def read_yaml(path: Path) -> Any:
    """What a file holds.

    Raises:
        PolicyFileError: it is missing, or no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        with uncollected():
            return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except (FileNotFoundError, NotADirectoryError):
        raise PolicyFileError(f"{path} is missing") from None
    except OSError as wrong:
        raise PolicyFileError(f"{path} cannot be read: {wrong.strerror}") from None
    except yaml.MarkedYAMLError as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark is not None else 1
        raise PolicyFileError(f"{path}:{line}: not valid YAML: {wrong.problem or wrong.context}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as wrong:
        raise PolicyFileError(f"{path} is not valid YAML: {wrong}") from None


def entries_of(path: Path, what: str, faults: list[str]) -> list[Any]:
    """The entries of a file that is a list; where it cannot be read as one, that is added to the faults."""
    try:
        raw = read_yaml(path) or []
    except PolicyFileError as wrong:
        faults.append(str(wrong))
        return []
    if not isinstance(raw, list):
        faults.append(f"{path}:1: it must be a list of {what}")
        return []
    return raw


def checked(path: Path, raw: Any, model: type[M]) -> M:
    """What was read, in the form that it must have.

    Raises:
        PolicyFileError: it has not; every place is named.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as wrong:
        places = (
            f"{path}:{line_of(raw, e['loc'])}: {'.'.join(map(str, e['loc'])) or 'top'}: {e['msg']}" for e in wrong.errors()
        )
        raise PolicyFileError("\n".join(places)) from None


def line_at(place: Any) -> int:
    """The line on which a mapping begins."""
    return place.line if isinstance(place, Located) else 1


def line_of(raw: Any, loc: Iterable[int | str]) -> int:
    """The line of a place: of its key, or of the innermost mapping on the way to it."""
    found = line_at(raw)
    for step in loc:
        if isinstance(raw, Located):
            found = raw.lines.get(step, found)
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            break
        found = raw.line if isinstance(raw, Located) else found
    return found
