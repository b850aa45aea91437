"""Reads YAML with the line of everything in it, so that a refusal can say where."""

import gc
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class PolicyFileError(Exception):
    """A policy file cannot be used. The message names the file, the place in it, and what to do."""


_TEXT, _MAP, _LIST = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_MERGE = "tag:yaml.org,2002:merge"


class Located(dict[Hashable, Any]):
    """A mapping that knows the line on which it begins, and the lines of its keys."""

    line = 1
    lines: dict[Hashable, int]


_resolver = yaml.SafeLoader("")


@lru_cache(maxsize=10_000)
def _tag_of(value: str) -> Any:
    """What a scalar without quotes is: text, a number, a date. The same few words stand in every file."""
    return _resolver.resolve(  # type: ignore[no-untyped-call]
        yaml.ScalarNode, value, (True, False)
    )


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, in C where there is one, with lines. A key that comes twice is a slip, and no later one wins.

    Text, lists and mappings, of which files are made, are built here: PyYAML looks up for each part how to make it, and makes
    it in two steps, which takes longer than to read it.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._made: dict[int, Any] = {}

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0]:
            return _tag_of(value)
        return super().resolve(kind, value, implicit)

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        return None if node is None else self._built(node)

    def _built(self, node: yaml.Node) -> Any:
        tag, kind = node.tag, type(node)
        if tag == _TEXT and kind is yaml.ScalarNode:
            return node.value
        if (tag, kind) not in {(_MAP, yaml.MappingNode), (_LIST, yaml.SequenceNode)}:
            if kind is not yaml.ScalarNode:
                raise yaml.constructor.ConstructorError(None, None, f"{tag!r} is not understood here", node.start_mark)
            return self.construct_object(node, deep=True)
        # What stands in several places by its anchor is made once.
        if id(node) in self._made:
            if (made := self._made[id(node)]) is None:
                raise yaml.constructor.ConstructorError(None, None, "it stands within itself", node.start_mark)
            return made
        self._made[id(node)] = None
        made = self._made[id(node)] = self._list(node) if tag == _LIST else self._mapping(node)
        return made

    def _list(self, node: yaml.Node) -> list[Any]:
        return [self._built(entry) for entry in node.value]

    def _mapping(self, node: yaml.Node) -> Located:
        found, lines = Located(), dict[Hashable, int]()
        merged = False
        for key, value in node.value:
            if key.tag == _MERGE:
                if merged:
                    raise yaml.constructor.ConstructorError(None, None, "'<<' stands here twice", key.start_mark)
                self._merge(value, found)
                merged = True
                continue
            if not isinstance(name := self._built(key), Hashable):
                raise yaml.constructor.ConstructorError(None, None, "a list or a mapping is no key", key.start_mark)
            if name in lines:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands here twice", key.start_mark)
            lines[name] = key.start_mark.line + 1
            found[name] = self._built(value)
        found.line, found.lines = node.start_mark.line + 1, lines
        return found

    def _merge(self, node: yaml.Node, into: Located) -> None:
        """Takes in what another mapping has, or several: what is there already stays, and what comes later counts."""
        merged = self._built(node)
        for one in merged if isinstance(merged, list) else [merged]:
            if not isinstance(one, Located):
                raise yaml.constructor.ConstructorError(None, None, "only mappings can be merged", node.start_mark)
            for key, value in one.items():
                into.setdefault(key, value)


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
    except RecursionError:
        raise PolicyFileError(f"{path} is not valid YAML: too much stands within each other") from None
    except (ValueError, KeyError) as wrong:
        # A day that there is not, a number that is none: PyYAML leaves these as they come.
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
