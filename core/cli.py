"""`faceveil`: the command line. Errors the user can mend end with one sentence and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from errno import ENAMETOOLONG
from pathlib import Path

from .commands.parser import Parser
from .commands.telling import Unheard, fall_silent, speak_anywhere, tell, warn
from .errors import Cancelled, FaceVeilError
from .plain import plain
from .version import version

COMMANDS = (
    "demo",
    "protect",
    "status",
    "veil",
    "edit",
    "regions",
    "verify",
    "recognisers",
    "calibrate",
    "fetch",
    "bench",
    "doctor",
    "completion",
)

NEXT = (
    "FaceVeil changes portraits a little, so that face recognition no longer matches them and people still do.",
    "",
    "  faceveil protect photo.jpg -o protected.png    your own photo; nothing leaves this machine",
    "  faceveil demo                                  try everything once, on an example portrait",
    "  faceveil doctor                                what is installed, and what would make it better",
    "",
    "All commands: faceveil --help. One of them: faceveil protect --help.",
)
"""What somebody is told who types the name alone."""


def build_parser() -> argparse.ArgumentParser:
    """All verbs with their options; imports no heavy library."""
    parser = Parser(
        prog="faceveil",
        description="Share portraits that face-recognition systems no longer match and people still recognise.",
    )
    parser.add_argument("--version", action="version", version=f"faceveil {version()}")
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
            tell(*NEXT)
            return 0
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
    except OSError as error:
        if error.errno != ENAMETOOLONG:
            raise
        name = plain(Path(str(error.filename)).name)
        warn(f"faceveil: '{name}' is longer than a name may be on this disk: shorten it.")
        return 2


if __name__ == "__main__":
    sys.exit(main())
