"""The header of our own files: their kind, the version of the format, and whatever else the kind needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .errors import InputError
from .plain import plain


@dataclass(frozen=True)
class Label:
    """What the header of one kind of file has to say."""

    kind: str
    version: int
    noun: str
    """What people call such a file."""
    again: str
    """How to make another one, as the end of an error."""

    def read(self, text: str | None, name: str) -> dict[str, Any]:
        """The header of a file called `name`. A ValueError where it cannot be parsed, an InputError where it is of
        another kind or version."""
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
