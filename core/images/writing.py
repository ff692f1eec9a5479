"""Photo files out: whole or not at all, and never over an original."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..errors import OutputError
from ..whole import not_written, refuse_special_file, whole
from .photo import Photo, shown, to_pil, to_uint8

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


def write_photo(
    photo: Photo,
    path: str | Path,
    keep_metadata: bool = False,
    quality: int = 95,
    sources: Iterable[Path] = (),
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write as the suffix of `path` says: whole or not at all, and never over the photo's own file or `sources`.

    Only the colour profile goes along, for EXIF tells where, when and with what a photo was taken.
    `keep_metadata` writes the EXIF as well, and ALL of it that `Photo.exif` holds, GPS position
    included: whoever asks for it has asked for that. BMP can hold neither profile nor EXIF.
    `quality` (1 to 100) is for JPEG, always with full colour resolution; the other formats are lossless. `texts` are
    what a PNG says by name.
    """
    path = Path(path)
    name = shown(path)
    target_format = check_target(path, [photo.path, *sources], photo)
    image = to_pil(photo.pixels)
    if photo.alpha is not None and target_format in _HOLD_ALPHA:
        image.putalpha(Image.fromarray(to_uint8(photo.alpha)[0].cpu().numpy()))
    usual: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": min(max(quality, 1), 100), "subsampling": 0},
        "WEBP": {"lossless": True, "exact": True},
        "TIFF": {"compression": "tiff_lzw"},
    }
    options = usual.get(target_format, {})
    if photo.icc:
        options["icc_profile"] = photo.icc
    if keep_metadata and photo.exif:
        options["exif"] = photo.exif
        options.pop("compression", None)  # libtiff, which compresses, cannot write the EXIF and GPS blocks
    if texts and target_format == "PNG":
        options["pnginfo"] = PngInfo()
        for key, text in texts.items():
            options["pnginfo"].add_text(key, text)
    try:
        encoded = BytesIO()
        image.save(encoded, target_format, **options)  # in memory: some formats cannot be written straight to a disk
        with whole(path) as part:
            part.write_bytes(encoded.getbuffer())
    except (OSError, ValueError) as error:
        raise not_written(name, error, "choose another folder or format") from error


def check_place(path: Path) -> None:
    """Whether there can be a file of this name at all, whatever it holds."""
    if path.is_dir():
        raise OutputError(f"'{shown(path)}' is a folder: add a file name to it.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder '{path.parent}' to write '{shown(path)}' to: create it first.")


def check_target(path: Path, sources: Iterable[Path | None], photo: Photo | None = None) -> str:
    """The format to write, once nothing speaks against the path, nor against such a file for this photo."""
    name = shown(path)
    if path.suffix.lower() not in _WRITERS:
        raise OutputError(f"'{name}' does not end in a format that can be written: use one of {', '.join(_WRITERS)}.")
    try:
        check_place(path)
        if path.exists():
            for source in sources:
                if source is not None and Path(source).exists() and path.samefile(source):
                    raise OutputError(f"'{name}' is an original photo, which is never overwritten: take another name.")
        refuse_special_file(path)
    except OSError as error:
        raise OutputError(f"'{name}' could not be written ({error.strerror or error}): choose another path.") from error
    target_format = _WRITERS[path.suffix.lower()]
    transparent = photo is not None and photo.alpha is not None and to_uint8(photo.alpha).min() < 255
    if transparent and target_format not in _HOLD_ALPHA:
        raise OutputError(f"'{name}' cannot hold the photo's transparency: write a .png file instead.")
    return target_format
