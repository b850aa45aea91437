"""How a statement finds its rows, where SQLite would choose badly."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


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
