"""The one image convention, and the only place where photo files are read and written.

Pictures are float32 RGB in [0, 1]: (B, H, W, 3) at the borders (files, nodes), (B, 3, H, W) inside.
Values stay in the photo's own colour space: its profile travels along as bytes, untouched.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from errno import EDQUOT, ENOSPC
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import ExifTags, Image
from torch import Tensor

from .errors import InputError, OutputError

MIN_SIDE, MAX_SIDE = 64, 12000
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")
"""What a scan of a folder picks up. Reading itself goes by content, not by name."""

# Never "whatever Pillow knows": some of its readers start other programs.
_READERS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_WRITERS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
_HOLD_ALPHA = ("PNG", "WEBP", "TIFF")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PROFILE_SPACES = {"L": b"GRAY", "LA": b"GRAY", "CMYK": b"CMYK"}
# Descriptive tags only: thumbnails, previews and maker notes would carry the unprotected face along.
_EXIF_KEPT = (270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096))
_EXIF_DROPPED = (0x927C, 0xA005)
_LOCK = threading.Lock()


@dataclass
class Photo:
    """A picture with what else its file held."""

    pixels: Tensor
    """(1, H, W, 3) float32 RGB in [0, 1], upright."""
    alpha: Tensor | None = None
    """(1, H, W) float32 in [0, 1], straight (colours are not multiplied by it)."""
    icc: bytes | None = None
    """The colour profile that `pixels` are in; None means sRGB."""
    exif: bytes | None = None
    """Descriptive EXIF with the orientation reset, without anything that may hold a copy of the picture."""
    path: Path | None = None
    format: str | None = None
    """Pillow's name of the file's format."""

    @property
    def height(self) -> int:
        return self.pixels.shape[1]

    @property
    def width(self) -> int:
        return self.pixels.shape[2]

    def with_pixels(self, pixels: Tensor) -> Photo:
        """The same photo with other pixels (1, H, W, 3); alpha, profile and EXIF stay."""
        return replace(self, pixels=pixels)


def read_photo(path: str | Path) -> Photo:
    """Read the first frame of any common photo file; whatever is wrong with it becomes one `InputError`."""
    path = Path(path)
    name = _shown(path)
    try:
        with _quiet(), _opened(path) as file:
            image = _identified(file, name)
            if not all(MIN_SIDE <= side <= MAX_SIDE for side in image.size):
                raise InputError(
                    f"'{name}' is {image.width} x {image.height} pixels, but a side must be {MIN_SIDE} to {MAX_SIDE}: "
                    f"{'use a larger picture' if min(image.size) < MIN_SIDE else 'scale it down or crop it'}."
                )
            file_format = image.format
            image.load()
            orientation, exif = _exif(image)
            if orientation in _UPRIGHT:
                image = image.transpose(_UPRIGHT[orientation])
            rgb, alpha, icc = _planes(image)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(f"There is not enough memory to open '{name}': close programs or scale it down.") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"'{name}' has far more than {MAX_SIDE} x {MAX_SIDE} pixels: scale it down.") from error
    except Exception as error:  # Pillow's readers let nearly every kind of error out
        raise InputError(f"'{name}' is damaged or cut short: fetch or export it again.") from error
    planes = torch.from_numpy(rgb)[None], None if alpha is None else torch.from_numpy(alpha)[None]
    return Photo(*planes, icc=icc, exif=exif, path=path, format=file_format)


def write_photo(
    photo: Photo, path: str | Path, keep_metadata: bool = False, quality: int = 95, sources: Iterable[Path] = ()
) -> None:
    """Write as the suffix of `path` says: whole or not at all, and never over the photo's own file or `sources`.

    Only the colour profile goes along, for EXIF tells where, when and with what a photo was taken.
    `keep_metadata` writes the EXIF as well, and ALL of it that `Photo.exif` holds, GPS position
    included: whoever asks for it has asked for that. BMP can hold neither profile nor EXIF.
    `quality` (1 to 100) is for JPEG, always with full colour resolution; the other formats are lossless.
    """
    path = Path(path)
    name = _shown(path)
    target_format = check_target(path, [photo.path, *sources])
    image = to_pil(photo.pixels)
    if photo.alpha is not None:
        alpha = to_uint8(photo.alpha)[0].cpu().numpy()
        if target_format in _HOLD_ALPHA:
            image.putalpha(Image.fromarray(alpha))
        elif alpha.min() < 255:
            raise OutputError(f"'{name}' cannot hold the photo's transparency: write a .png file instead.")
    options: dict[str, object] = {
        "JPEG": {"quality": min(max(quality, 1), 100), "subsampling": 0},
        "WEBP": {"lossless": True, "exact": True},
        "TIFF": {"compression": "tiff_lzw"},
    }.get(target_format, {})
    if photo.icc:
        options["icc_profile"] = photo.icc
    if keep_metadata and photo.exif:
        options["exif"] = photo.exif
        options.pop("compression", None)  # libtiff, which compresses, cannot write the EXIF and GPS blocks
    temporary = path.with_name(f".faceveil-{secrets.token_hex(8)}.part")
    try:
        encoded = BytesIO()
        image.save(encoded, target_format, **options)  # in memory first: a failure here leaves no file at all
        with temporary.open("xb") as file:
            file.write(encoded.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in (ENOSPC, EDQUOT):
            raise OutputError(f"'{name}' was not written because the disk is full: make room and try again.") from error
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise OutputError(f"'{name}' could not be written ({reason}): choose another folder or format.") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_mask(path: str | Path) -> Tensor:
    """A mask (1, H, W) in [0, 1] from a picture: its alpha when that says anything, else its brightness."""
    photo = read_photo(path)
    if photo.alpha is not None and photo.alpha.min() < 1:
        return photo.alpha
    weights = photo.pixels.new_tensor((0.299, 0.587, 0.114))
    return (photo.pixels @ weights).clamp(0, 1)


def list_photos(folder: str | Path) -> list[Path]:
    """The photos directly in a folder, by name; hidden files are left out."""
    folder = Path(folder)
    name = _shown(folder)
    try:
        files = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != "." and p.is_file()]
    except (OSError, ValueError) as error:
        raise InputError(f"'{name}' is not a folder that can be read: check the path.") from error
    if not files:
        raise InputError(f"There are no photos in '{name}': it must hold files such as {', '.join(SUFFIXES)}.")
    return sorted(files)


def photos_in(paths: Iterable[str | Path]) -> list[Path]:
    """Photos named one by one or by their folder, in order and without repeats."""
    named = [photo for path in map(Path, paths) for photo in (list_photos(path) if path.is_dir() else [path])]
    return list(dict.fromkeys(named))


def to_bchw(pixels: Tensor) -> Tensor:
    """(B, H, W, C) to (B, C, H, W)."""
    return pixels.movedim(-1, 1).contiguous()


def to_bhwc(pixels: Tensor) -> Tensor:
    """(B, C, H, W) to (B, H, W, C)."""
    return pixels.movedim(1, -1).contiguous()


def to_uint8(pixels: Tensor) -> Tensor:
    """[0, 1] of any shape to 0..255, halves upwards; k/255 comes back as exactly k."""
    return (pixels.detach().clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)


def to_pil(pixels: Tensor) -> Image.Image:
    """One picture (1, H, W, 3) as a Pillow image."""
    if pixels.ndim != 4 or pixels.shape[0] != 1 or pixels.shape[3] != 3:
        raise ValueError(f"expected one picture (1, H, W, 3), got {tuple(pixels.shape)}")
    return Image.fromarray(to_uint8(pixels)[0].cpu().contiguous().numpy())


def from_pil(image: Image.Image) -> Tensor:
    """A Pillow image of any mode as (1, H, W, 3); transparency is left out, not composited."""
    return torch.from_numpy(_planes(image)[0])[None]


def _shown(path: Path) -> str:
    """A file's name fit for one line of a message."""
    return "".join(c if c.isprintable() else "?" for c in path.name or str(path))


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


def _opened(path: Path) -> BinaryIO:
    name = _shown(path)
    try:
        if path.is_dir():
            raise InputError(f"'{name}' is a folder, but a photo is needed: name a file in it.")
        if not path.is_file():
            raise InputError(f"There is no file '{name}': check the path.")
        if path.stat().st_size == 0:
            raise InputError(f"'{name}' is empty (zero bytes): fetch or export it again.")
        return path.open("rb")
    except OSError as error:
        raise InputError(f"'{name}' cannot be opened ({error.strerror or error}): check the path.") from error


def _identified(file: BinaryIO, name: str) -> Image.Image:
    """The undecoded picture. `Image.open` is passed by, for it refuses huge pictures before telling their size."""
    Image.init()
    start = file.read(16)
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


def _planes(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None, bytes | None]:
    """RGB (H, W, 3) and alpha (H, W) in [0, 1], and the profile that still applies to that RGB."""
    icc = image.info.get("icc_profile") or None
    space = icc[16:20] if icc else None
    kept_icc = icc if space == b"RGB " and image.mode not in ("CMYK", "LAB") else None
    if image.mode == "F" or image.mode.startswith("I"):
        return np.repeat(_deep_grey(image)[..., None], 3, axis=2), None, kept_icc
    alpha = None
    mode = image.mode
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = _unit(image.getchannel("A"))
    if icc and _PROFILE_SPACES.get(mode) == space:
        image = _through_profile(image.convert("CMYK" if mode == "CMYK" else "L"), icc)
    return _unit(image.convert("RGB")), alpha, kept_icc


def _unit(image: Image.Image) -> np.ndarray:
    return np.divide(np.asarray(image), np.float32(255), dtype=np.float32)


def _deep_grey(image: Image.Image) -> np.ndarray:
    """Grey of more than 8 bits, (H, W) in [0, 1]. 'I' and 'F' do not say their white, so the values choose it."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0.0, neginf=0.0)
    top = values.max()
    whites = (1.0, 255.0, 65535.0) if image.mode == "F" else (65535.0, 2.0**31 - 1)
    white = next((white for white in whites if top <= white), top)
    return (values / white).clip(0, 1).astype(np.float32)


def _through_profile(image: Image.Image, icc: bytes) -> Image.Image:
    """CMYK or grey to sRGB by its profile; a broken profile leaves the picture to the plain conversion."""
    from PIL import ImageCms

    try:
        return ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


def check_target(path: Path, sources: Iterable[Path | None]) -> str:
    """The format to write, once nothing speaks against the path."""
    name = _shown(path)
    if path.suffix.lower() not in _WRITERS:
        raise OutputError(f"'{name}' does not end in a format that can be written: use one of {', '.join(_WRITERS)}.")
    try:
        if path.is_dir():
            raise OutputError(f"'{name}' is a folder: add a file name to it.")
        if not path.parent.is_dir():
            raise OutputError(f"There is no folder '{path.parent}' to write '{name}' to: create it first.")
        if path.exists():
            for source in sources:
                if source is not None and Path(source).exists() and path.samefile(source):
                    raise OutputError(f"'{name}' is an original photo, which is never overwritten: take another name.")
    except OSError as error:
        raise OutputError(f"'{name}' could not be written ({error.strerror or error}): choose another path.") from error
    return _WRITERS[path.suffix.lower()]
