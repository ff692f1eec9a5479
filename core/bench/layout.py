"""Which protocol a folder asks for, by how it is laid out: pairs, or people with several photos each."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, zip_longest
from pathlib import Path

from ..errors import InputError
from ..images import list_photos
from ..images.pairs import PAIR_FOLDERS
from .rows import RESULTS


def people_in(folder: Path) -> dict[str, Path] | None:
    """The photos of a search by PERSON/NAME, or None where the folder is no search's but holds pairs.

    Folders a and b are pairs unless a third one beside them shows somebody several times. Everybody's first photos
    come first: a run that is stopped has then asked about all of them.
    """
    people = _folders(folder)
    sides = set(chain.from_iterable(PAIR_FOLDERS))
    others = [name for name, photos in people.items() if name not in sides and len(photos) > 1]
    if not others and any(people.keys() >= set(pair) for pair in PAIR_FOLDERS):
        return None
    if not people:
        raise InputError(
            f"There are no photos to compare in {folder}: it needs a folder for each person with several photos in it, "
            "or two folders, a and b, that show the same people under the same file names."
        )
    if len(people) == 1:
        raise InputError(
            f"{folder} shows one person only ({next(iter(people))}): a search needs two at least, a folder for each."
        )
    lonely = [name for name, photos in people.items() if len(photos) == 1]
    if lonely:
        raise InputError(
            f"A search needs two photos of each person at least, and there is one of {', '.join(lonely)} in {folder}: "
            "add another, or take it out."
        )
    named = ([(f"{name}/{path.stem}", path) for path in photos] for name, photos in people.items())
    turns = [each for each in chain.from_iterable(zip_longest(*named)) if each]
    return _distinct(turns)


def person_of(name: str) -> str:
    return name.partition("/")[0]


def _folders(folder: Path) -> dict[str, list[Path]]:
    """Photos by the folder they lie in; folders of none, hidden ones and those of earlier results are nobody."""
    found: dict[str, list[Path]] = {}
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    except OSError as error:
        raise InputError(f"{folder} is no folder that can be read: check the path.") from error
    for path in inside:
        if not (path / RESULTS).is_file():
            with suppress(InputError):
                found[path.name] = list_photos(path)
    return found


def _distinct(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, path in named:
        other = found.setdefault(name, path)
        if other != path:
            raise InputError(f"{other.name} and {path.name} in {path.parent} would both be called {name}: rename one.")
    return found
