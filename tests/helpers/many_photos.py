"""Folders of small photos, and what has to hold of a finished run."""

from __future__ import annotations

import sqlite3

COUNT = 200


def contents(out):
    """Everything that lies in OUT but the ledger; whatever is half-written as well."""
    files = (path for path in out.rglob("*") if path.is_file() and ".faceveil" not in path.relative_to(out).parts)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def states(out, folder=".faceveil"):
    """How many rows of the ledger are in each state."""
    base = sqlite3.connect(out / folder / "ledger.sqlite")
    try:
        return dict(base.execute("SELECT state, count(*) FROM photos GROUP BY state"))
    finally:
        base.close()
