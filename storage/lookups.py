"""How a statement finds its rows: where SQLite would choose badly, and by many values at once; and adds them once."""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Executable, String, Table, any_, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType


class checked(FunctionElement[str]):  # noqa: N801 - used like a function
    """A column that is only looked at in rows found by another: SQLite uses no index for it.

    It keeps no statistics, and so takes an index on the school alone for a better way than fifty ids; but one school can have
    all the rows there are. PostgreSQL knows how many there are, and is left to choose.
    """

    type = String()
    inherit_cache = True


@compiles(checked)
def _as_it_is(element: checked, compiler: SQLCompiler, **how: Any) -> str:
    return compiler.process(element.clauses, **how)


@compiles(checked, "sqlite")
def _by_no_index(element: checked, compiler: SQLCompiler, **how: Any) -> str:
    return f"+{compiler.process(element.clauses, **how)}"


class among(FunctionElement[Any]):  # noqa: N801 - used like a function
    """Whether a column is one of several values, given under a name when the statement runs.

    To PostgreSQL they are one value, an array: the statement is the same for any number of them, so that it is read and planned
    once. SQLite, which has no arrays, is given as many marks as there are values, as `in_` does.
    """

    # Of a truth value SQLAlchemy would ask whether it is 1, and SQLite would use no index.
    type = NullType()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        # The name is in a parameter, so that statements which differ by it alone are not taken for one another.
        super().__init__(column, bindparam(name, type_=column.type))


@compiles(among)
def _by_marks(element: among, compiler: SQLCompiler, **how: Any) -> str:
    column, given = element.clauses
    return compiler.process(column.in_(bindparam(given.key, type_=column.type, expanding=True)), **how)


@compiles(among, "postgresql")
def _by_an_array(element: among, compiler: SQLCompiler, **how: Any) -> str:
    column, given = element.clauses
    return compiler.process(column == any_(bindparam(given.key, type_=ARRAY(column.type))), **how)


def insert_into(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what happens when a row is there already."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def add_once(dialect: str, table: Table) -> Executable:
    """Adds rows; one that is there already changes nothing."""
    return insert_into(dialect, table).on_conflict_do_nothing()
