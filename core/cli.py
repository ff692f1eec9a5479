"""`faceveil`: the command line. Errors the user can mend end with one sentence and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from .commands.parser import Parser
from .commands.telling import Unheard, fall_silent, speak_anywhere, warn
from .errors import Cancelled, FaceVeilError

COMMANDS = (
    *("demo", "protect", "status", "veil", "edit", "regions"),
    *("verify", "recognisers", "calibrate", "fetch", "bench"),
)


def build_parser() -> argparse.ArgumentParser:
    """All verbs with their options; imports no heavy library."""
    parser = Parser(
        prog="faceveil",
        description="Share portraits that face-recognition systems no longer match and people still recognise.",
    )
    verbs = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(f".commands.{name}", __package__).add(verbs)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    speak_anywhere()
    try:
        parser = build_parser()
        options = parser.parse_args(arguments)
        if options.command is None:
            parser.print_help(sys.stderr)
            return 2
        return options.run(options)
    except (Cancelled, KeyboardInterrupt):
        warn("Stopped. Finished pictures were kept, unfinished ones were not written.")
        return 130
    except FaceVeilError as error:
        warn(f"faceveil: {error}")
        if isinstance(error, Unheard):
            fall_silent()
        return 2
    except (MemoryError, RuntimeError) as error:
        from .devices import is_want_of_memory

        if not is_want_of_memory(error):
            raise
        warn("faceveil: There is not enough memory for this: close programs, or use a smaller copy of the photo.")
        return 2
    except BrokenPipeError:
        fall_silent()
        return 141


if __name__ == "__main__":
    sys.exit(main())
