"""`faceveil`: the command line. Errors the user can mend end with one sentence and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from .commands.parser import Parser
from .errors import Cancelled, FaceVeilError

COMMANDS = ("demo", "protect", "status", "edit", "regions", "verify", "recognisers", "calibrate", "fetch", "bench")


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
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        parser = build_parser()
        options = parser.parse_args(arguments)
        if options.command is None:
            parser.print_help(sys.stderr)
            return 2
        return options.run(options)
    except (Cancelled, KeyboardInterrupt):
        print("Stopped. Finished pictures were kept, unfinished ones were not written.", file=sys.stderr)
        return 130
    except FaceVeilError as error:
        print(f"faceveil: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 141


if __name__ == "__main__":
    sys.exit(main())
