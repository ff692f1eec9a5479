"""`python tests/integration/versions.py FOLDER... [-- pytest's options]`: the suite on one ComfyUI after the other.

A folder without a `.venv` of its own is given one with what its requirements.txt names, unless `--python` says which
Python to take. Ends with a line a version, and with 1 when anything failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Count:
    """What became of the tests on one version."""

    version: str
    passed: int
    failed: int
    skipped: int
    names: tuple[str, ...] = ()
    """Those that failed."""

    def line(self) -> str:
        line = f"ComfyUI {self.version}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        return "\n  ".join([line, *self.names])


def version_of(folder: Path) -> str:
    """As its own file says; older ones have it in pyproject.toml alone."""
    for file, start in (("comfyui_version.py", "__version__ ="), ("pyproject.toml", "version =")):
        if (folder / file).is_file():
            for line in (folder / file).read_text().splitlines():
                if line.startswith(start):
                    return line.partition("=")[2].strip().strip("\"'")
    return "unknown"


def python_for(folder: Path, given: str | None) -> Path:
    """The Python that runs this ComfyUI, prepared when there is none yet."""
    if given:
        return Path(given).expanduser()
    places = [folder / ".venv" / part for part in ("bin/python", "Scripts/python.exe")]
    if not any(place.exists() for place in places):
        subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
        made = next(place for place in places if place.exists())
        subprocess.run([made, "-m", "pip", "install", "-r", folder / "requirements.txt"], check=True)
        # What the pack itself needs beside it; and requests, which 0.3.64 imports and transformers brought until 5.
        own = HERE.parents[1] / "requirements.txt"
        subprocess.run([made, "-m", "pip", "install", "-r", own, "requests"], check=True)
    return next(place for place in places if place.exists())


def counted(version: str, report: Path) -> Count:
    """The tests of a JUnit report."""
    passed, skipped, failed = 0, 0, []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed.append(case.get("name", "?"))
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return Count(version, passed, len(failed), skipped, tuple(failed))


def tried(folder: Path, python: str | None, options: Sequence[str]) -> Count:
    """The suite on one ComfyUI."""
    version = version_of(folder)
    if not (folder / "main.py").is_file():
        return Count(version, 0, 1, 0, (f"there is no ComfyUI in {folder}",))
    environment = {**os.environ, "COMFYUI_PATH": str(folder), "COMFYUI_PYTHON": str(python_for(folder, python))}
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        # Not by `python -m`, which puts this folder's `nodes` before ComfyUI's.
        pytest = Path(sys.executable).with_name("pytest")
        subprocess.run([pytest, HERE, "-q", f"--junitxml={report}", *options], env=environment, check=False)
        return counted(version, report) if report.exists() else Count(version, 0, 1, 0, ("pytest did not run",))


def main(given: Sequence[str]) -> int:
    at = list(given).index("--") if "--" in given else len(given)
    own, options = list(given[:at]), list(given[at + 1 :])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--python", help="the Python that runs them all")
    chosen = parser.parse_args(own)
    counts = [tried(folder.expanduser().resolve(), chosen.python, options) for folder in chosen.folders]
    sys.stdout.write("\n".join(count.line() for count in counts) + "\n")
    return int(any(count.failed for count in counts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
