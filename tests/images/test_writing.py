"""Photo files out: what is kept, what is left behind, and what is never overwritten."""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from photos import RAMP, RGB, SRGB, H, W, camera_exif, save
from PIL import Image

from faceveil.core.errors import OutputError
from faceveil.core.images import Photo, read_photo, write_photo


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    return read_photo(save(tmp_path / "source.png", RGB, icc_profile=SRGB))


@pytest.mark.parametrize("extension", ["png", "webp", "tif", "tiff", "bmp"])
def test_eight_bits_survive_exactly(tmp_path: Path, photo: Photo, extension: str) -> None:
    write_photo(photo, tmp_path / f"out.{extension}")
    again = read_photo(tmp_path / f"out.{extension}")
    assert torch.equal(again.pixels, photo.pixels)
    assert again.icc == (None if extension == "bmp" else SRGB)


def test_jpeg_keeps_full_colour_resolution_and_profile(tmp_path: Path, photo: Photo) -> None:
    for quality in (30, 95):
        write_photo(photo, tmp_path / f"{quality}.JPG", quality=quality)
    with Image.open(tmp_path / "95.JPG") as written:
        assert written.format == "JPEG" and written.info["icc_profile"] == SRGB
        assert {layer[1:3] for layer in written.layer} == {(1, 1)}
    assert (tmp_path / "30.JPG").stat().st_size < (tmp_path / "95.JPG").stat().st_size


@pytest.mark.parametrize("extension", ["png", "webp", "tiff", "jpg", "bmp"])
def test_alpha_is_kept_or_refused(tmp_path: Path, photo: Photo, extension: str) -> None:
    photo.alpha = torch.from_numpy(RAMP / np.float32(255))[None]
    path = tmp_path / f"out.{extension}"
    if extension in ("jpg", "bmp"):
        with pytest.raises(OutputError, match=r"transparency: write a \.png"):
            write_photo(photo, path)
        assert not path.exists()
        photo.alpha = torch.ones(1, H, W)
        write_photo(photo, path)
    else:
        write_photo(photo.with_pixels(photo.pixels.flip(2)), path)
        again = read_photo(path)
        assert torch.equal(again.alpha, photo.alpha) and torch.equal(again.pixels, photo.pixels.flip(2))


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tiff"])
def test_metadata_only_on_demand(tmp_path: Path, extension: str) -> None:
    photo = read_photo(save(tmp_path / "in.jpg", RGB, exif=camera_exif(6)))
    for keep in (False, True):
        path = tmp_path / f"{keep}.{extension}"
        write_photo(photo, path, keep_metadata=keep)
        assert (b"CameraMaker" in path.read_bytes()) == keep
        with Image.open(path) as written:
            exif = written.getexif()
            assert exif.get(0x0112, 1) == 1
            assert exif.get_ifd(0x8825) == ({1: "N", 2: (52.0, 31.0, 12.0)} if keep else {})
            assert exif.get_ifd(0x8769) == ({0x9003: "2024:05:06 07:08:09"} if keep else {})


def test_copies_of_the_picture_in_exif_never_travel(tmp_path: Path) -> None:
    maker = b"CameraMaker\0"
    ifd0 = struct.pack("<HHHIII", 1, 0x010F, 2, len(maker), 56, 26)
    ifd1 = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 68, 0x0202, 4, 1, 9, 0)
    tiff = b"II*\0\x08\0\0\0" + ifd0 + ifd1 + maker + b"THUMBFACE"
    path = save(tmp_path / "in.jpg", RGB, exif=b"Exif\0\0" + tiff)
    assert b"THUMBFACE" in path.read_bytes()
    thumbnail = read_photo(path)
    note = read_photo(save(tmp_path / "note.jpg", RGB, exif=camera_exif()))
    for photo, secret in ((thumbnail, b"THUMBFACE"), (note, b"NOTE-WITH")):
        write_photo(photo, tmp_path / "out.jpg", keep_metadata=True)
        written = (tmp_path / "out.jpg").read_bytes()
        assert b"CameraMaker" in written and secret not in written


@pytest.mark.parametrize(
    ("step", "failure", "words"),
    [
        ("fsync", OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        ("replace", PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        ("fsync", KeyboardInterrupt(), None),
    ],
)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, photo: Photo, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException, words: str | None
) -> None:
    target = tmp_path / "out.png"
    target.write_bytes(b"older result")

    def fail(*_: object) -> None:
        assert len(list(tmp_path.glob(".*.part"))) == 1
        raise failure

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError if words else KeyboardInterrupt, match=words):
        write_photo(photo, target)
    assert target.read_bytes() == b"older result"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.png", "source.png"]


def test_an_original_is_never_overwritten(tmp_path: Path, photo: Photo) -> None:
    before = photo.path.read_bytes()
    other = save(tmp_path / "other.png", RGB)
    (tmp_path / "link.png").symlink_to(photo.path)
    (tmp_path / "hard.png").hardlink_to(photo.path)
    (tmp_path / "sub").mkdir()
    for name in ("source.png", "link.png", "hard.png", "sub/../source.png", "other.png"):
        with pytest.raises(OutputError, match="is an original photo"):
            write_photo(photo, tmp_path / name, sources=[other, tmp_path / "gone.png"])
    assert photo.path.read_bytes() == before and other.exists()
    write_photo(photo, other)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out.xyz", r"\.png, \.jpg, \.jpeg, \.webp, \.tif, \.tiff, \.bmp"),
        ("out", "use one of"),
        ("missing/out.png", "There is no folder '.*missing'"),
        ("source.png/out.png", "There is no folder '.*source.png'"),
        ("folder.png", "is a folder"),
        ("x" * 300 + ".png", "could not be written"),
    ],
)
def test_an_impossible_target_is_refused(tmp_path: Path, photo: Photo, name: str, words: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=words):
        write_photo(photo, tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.png", "source.png"]


def test_exif_too_long_for_the_format_is_said(tmp_path: Path, photo: Photo) -> None:
    photo.exif = b"Exif\0\0" + bytes(70000)
    with pytest.raises(OutputError, match="could not be written"):
        write_photo(photo, tmp_path / "out.jpg", keep_metadata=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_a_new_file_has_the_usual_mode(tmp_path: Path, photo: Photo) -> None:
    before = os.umask(0o027)
    try:
        write_photo(photo, tmp_path / "out.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == 0o640
