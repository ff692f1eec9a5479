"""Where the photos and pictures of a run are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .rows import Row
from .trial import Trial, picture_path


@dataclass(frozen=True)
class Gathered:
    """The photos and pictures of a run, by row."""

    folder: Path
    photos: Mapping[str, Path]
    """By the photo's name in rows."""
    galleries: Mapping[str, Path] = field(default_factory=dict)
    """Another photo of the person, in pairs."""

    def photo(self, row: Row) -> Path:
        return self.photos[row["photo"]]

    def picture(self, row: Row) -> Path:
        decoy = None if row["decoy"] is None else Path(row["decoy"])
        return picture_path(
            self.folder, Trial(row["method"], row["held_out"], row["photo"], self.photo(row), decoy=decoy)
        )

    def shown(self, rows: Sequence[Row]) -> list[Row]:
        """Rows whose pictures are here: those of another machine's results are not."""
        return [row for row in rows if row["photo"] in self.photos and self.picture(row).is_file()]
