"""The command line, called as a user calls it."""

from __future__ import annotations

from faceveil.core import cli


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, *arguments) -> str:
    """One sentence on stderr, exit code 2, no traceback."""
    code, _, err = run(capsys, *arguments)
    assert code == 2 and err.startswith("faceveil: ") and len(err.strip().splitlines()) == 1
    return err
