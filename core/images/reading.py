"""Photo files in: content decides, not the name, and whatever is wrong becomes one sentence."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image
from torch import Tensor

from ..devices import free_memory
from ..errors import InputError
from ..plain import did_you_mean
from .modes import planes
from .photo import Photo, shown

MIN_SIDE, MAX_SIDE = 64, 12000
BYTES_A_PIXEL = 34
"""What protecting a photo takes at the most for each of its pixels: 4.8 GB were measured for 144 million."""
UNASKED = 20_000_000
"""Photos of so many pixels are not checked against free memory, which systems tell only roughly."""

# Never "whatever Pillow knows": some of its readers start other programs.
_READERS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_HEIC, _AVIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}, {b"avif", b"avis"}
"""Brands in the head of a HEIF file. Some files of both kinds begin with a shared one, which AVIF's reader takes."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Descriptive tags only: thumbnails, previews and maker notes would carry the unprotected face along.
_EXIF_KEPT = (270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096))
_EXIF_DROPPED = (0x927C, 0xA005)
_LOCK = threading.Lock()


def read_photo(path: str | Path) -> Photo:
    """Read the first frame of any common photo file; whatever is wrong with it becomes one `InputError`."""
    path = Path(path)
    name = shown(path)
    try:
        with _quiet(), _opened(path) as file:
            image = _identified(file, name)
            if not all(MIN_SIDE <= side <= MAX_SIDE for side in image.size):
                raise InputError(
                    f"'{name}' is {image.width} x {image.height} pixels, but a side must be {MIN_SIDE} to {MAX_SIDE}: "
                    f"{'use a larger picture' if min(image.size) < MIN_SIDE else 'scale it down or crop it'}."
                )
            _refuse_too_much(name, *image.size)
            file_format, deep = image.format, _is_deep(image)
            image.load()
            orientation, exif = _exif(image)
            if orientation in _UPRIGHT:
                image = image.transpose(_UPRIGHT[orientation])
            pixels, alpha, icc = planes(image)
            notes = _notes(name, deep, _holds_several(file, name))
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"There is not enough memory to open '{name}': close programs or scale it down.") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"'{name}' has far more than {MAX_SIDE} x {MAX_SIDE} pixels: scale it down.") from error
    except Exception as error:  # Pillow's readers let nearly every kind of error out
        raise InputError(f"'{name}' is damaged or cut short: fetch or export it again.") from error
    return Photo(pixels, alpha, icc=icc, exif=exif, path=path, format=file_format, notes=notes)


def read_mask(path: str | Path) -> Tensor:
    """A mask (1, H, W) in [0, 1] from a picture: its alpha when that says anything, else its brightness."""
    photo = read_photo(path)
    if photo.alpha is not None and photo.alpha.min() < 1:
        return photo.alpha
    weights = photo.pixels.new_tensor((0.299, 0.587, 0.114))
    return (photo.pixels @ weights).clamp(0, 1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's remarks on odd files from the user. Both switches belong to the process, hence the lock."""
    log = logging.getLogger("PIL")
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        level = log.level
        log.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            log.setLevel(level)


def refuse_missing(path: Path) -> None:
    """Say, before anything is made for it, why no photo lies there."""
    name = shown(path)
    if path.is_dir():
        raise InputError(f"'{name}' is a folder, but a photo is needed: name a file in it.")
    if path.is_symlink() and not path.exists():
        raise InputError(f"'{name}' is a link that leads to no file: name the file itself.")
    if not path.is_file():
        what = "file" if path.suffix else "file or folder"
        raise InputError(f"There is no {what} '{name}': check the path.{_meant(path)}")


def _opened(path: Path) -> BinaryIO:
    name = shown(path)
    try:
        refuse_missing(path)
        if path.stat().st_size == 0:
            raise InputError(f"'{name}' is empty (zero bytes): fetch or export it again.")
        return path.open("rb")
    except OSError as error:
        raise InputError(f"'{name}' cannot be opened ({error.strerror or error}): check the path.") from error


def _meant(path: Path) -> str:
    """A hint at a file of nearly this name beside it, among the first 1000 of its folder; empty where there is none."""
    try:
        return did_you_mean(path.name, (entry.name for entry in islice(path.parent.iterdir(), 1000)))
    except OSError:
        return ""


def _identified(file: BinaryIO, name: str) -> Image.Image:
    """The undecoded picture. `Image.open` is passed by, for it refuses huge pictures before telling their size."""
    Image.init()
    start = file.read(32)
    brands = {start[place : place + 4] for place in range(8, 32, 4)} if start[4:8] == b"ftyp" else set()
    if brands & _HEIC and not brands & _AVIF:
        raise InputError(
            f"'{name}' is a HEIC photo, which cannot be read here: export it as JPEG or PNG first. "
            "(A phone that is set to the most compatible format takes JPEG.)"
        )
    for reader in _READERS:
        factory, accepts = Image.OPEN.get(reader, (None, None))
        if factory and accepts and accepts(start) is True:
            file.seek(0)
            return factory(file, "")
    raise InputError(f"'{name}' is not a photo of a known kind ({', '.join(_READERS)}): save it as PNG or JPEG.")


def _exif(image: Image.Image) -> tuple[int, bytes | None]:
    """Orientation and the EXIF to hand on; a photo is not refused for damaged EXIF."""
    orientation = 1
    try:
        found = image.getexif()
        orientation = found.get(ExifTags.Base.Orientation, 1)
        kept = Image.Exif()
        for tag in _EXIF_KEPT:
            if tag in found:
                kept[tag] = found[tag]
        for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            values = {tag: value for tag, value in found.get_ifd(ifd).items() if tag not in _EXIF_DROPPED}
            if values:
                kept[ifd] = values
        if not len(kept):
            return orientation, None
        kept[ExifTags.Base.Orientation] = 1
        return orientation, kept.tobytes()
    except Exception:
        return orientation, None


def _is_deep(image: Image.Image) -> bool:
    """Whether the file holds more than 8 bits a channel; asked before decoding, which forgets it."""
    if image.mode == "F" or image.mode.startswith("I"):
        return True
    if image.format not in ("PNG", "TIFF"):
        return False  # BMP's ";16" are 16 bits a pixel
    layouts = [
        part for tile in getattr(image, "tile", ()) for part in (tile[3] if isinstance(tile[3], tuple) else (tile[3],))
    ]
    return any(";16" in str(layout) for layout in layouts)


def _holds_several(file: BinaryIO, name: str) -> bool:
    """Whether there is a second picture; damage behind the first does not matter. They are not counted: a million pages
    take a minute, and in Pillow the square of it.

    Phones append a depth map or a preview to their JPEGs, which is no further picture to anyone.
    """
    try:
        file.seek(0)
        image = _identified(file, name)
        if image.format == "TIFF":
            image.seek(1)
            return True
        return image.format not in ("JPEG", "MPO") and bool(getattr(image, "is_animated", False))
    except Exception:
        return False


def _refuse_too_much(name: str, width: int, height: int) -> None:
    """Refuse, before decoding, a very large photo that does not fit into free memory."""
    needed, there = width * height * BYTES_A_PIXEL, free_memory()
    if width * height > UNASKED and there is not None and needed > there:
        raise InputError(
            f"'{name}' is {width} x {height} pixels, for which {needed / 1e9:.1f} GB of memory are needed and "
            f"{there / 1e9:.1f} are free: close programs or scale it down."
        )


def _notes(name: str, deep: bool, several: bool) -> tuple[str, ...]:
    """What of the file is not in the photo, for whoever should know before it is written."""
    pages = f"'{name}' holds several pictures (an animation or pages); only the first is taken."
    deeper = f"'{name}' has more than 8 bits a channel; results are written with 8."
    return tuple(note for note, holds in ((pages, several), (deeper, deep)) if holds)
