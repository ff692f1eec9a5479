"""Whether the results of a run are still what it wrote."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import InputError
from ..model_files.hashes import content_of
from .ledger import Ledger
from .places import Place


def spoilt(ledger: Ledger, out: Place) -> Iterator[tuple[str, str]]:
    """Results that are not, with what is wrong with each. Every file is read."""
    for target, made, size in ledger.written():
        try:
            with out.fetch(target) as path:
                there = path.stat().st_size
                content = content_of(path)
        except (InputError, OSError):
            yield target, "is gone"
            continue
        if content is None:
            yield target, "cannot be read"
        elif content != made:
            yield target, f"is cut short ({there} of {size} bytes)" if there < (size or 0) else "is another file"
