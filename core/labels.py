"""What a file of ours says of itself: its kind, the version of the format, and whatever else belongs to the kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .errors import InputError
from .plain import plain


@dataclass(frozen=True)
class Label:
    """What files of one kind have to say."""

    kind: str
    version: int
    noun: str
    """What people call such a file."""
    again: str
    """How another one is made."""

    def read(self, text: str | None, name: str) -> dict[str, Any]:
        """The description of a file called `name`; a ValueError where it is none, and one sentence where it is another
        kind's or version's."""
        if text is None:
            raise InputError(f"'{name}' is a file of tensors, but no {self.noun} that was saved here.")
        try:
            data = json.loads(text)
            kind, version = data["kind"], data["version"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError("no description") from error
        if kind != self.kind:
            raise InputError(f"'{name}' is no {self.noun}, but a file of the kind '{plain(str(kind))[:40]}'.")
        if version != self.version:
            raise InputError(
                f"'{name}' is a {self.noun} of version {plain(str(version))[:20]} and this FaceVeil reads version "
                f"{self.version}: use the FaceVeil that made it, or {self.again}."
            )
        return data
