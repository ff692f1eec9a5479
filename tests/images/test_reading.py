"""Photo files in: what every kind of picture becomes, and what is noted or dropped."""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from photos import RAMP, RGB, SMOOTH, SRGB, H, W, as_uint8, camera_exif, save
from PIL import Image, ImageCms

from faceveil.core.images import read_mask, read_photo, to_bchw


def cmyk_profile() -> bytes:
    """A whole, if odd, CMYK profile: ink 1 (cyan) prints a strong red, paper is white, all else black."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    lab = {0b0000: (255, 128, 128), 0b1000: (128, 200, 190)}
    clut = b"".join(bytes(lab.get(node, (0, 128, 128))) for node in range(16))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += bytes(range(256)) * 4 + clut + bytes(range(256)) * 3
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    head = struct.pack(">I4xI4s4s4s12x4s28x", 144 + len(table), 0x02400000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    return (head + fixed(0.9642, 1, 0.8249)).ljust(128, b"\0") + tags + table


@pytest.mark.parametrize("extension", ["png", "webp", "tiff", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(tmp_path: Path, extension: str, orientation: int) -> None:
    stored = {
        1: SMOOTH,
        2: SMOOTH[:, ::-1],
        3: SMOOTH[::-1, ::-1],
        4: SMOOTH[::-1],
        5: SMOOTH.swapaxes(0, 1),
        6: np.rot90(SMOOTH, 1),
        7: SMOOTH[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(SMOOTH, -1),
    }[orientation]
    options = {"jpg": {"quality": 98, "subsampling": 0}, "webp": {"lossless": True}}.get(extension, {})
    path = tmp_path / f"a.{extension}"
    photo = read_photo(save(path, np.ascontiguousarray(stored), exif=camera_exif(orientation), **options))
    assert (photo.height, photo.width) == (H, W)
    assert np.abs(as_uint8(photo.pixels).astype(int) - SMOOTH).max() <= (4 if extension == "jpg" else 0)
    exif = Image.Exif()
    exif.load(photo.exif)
    assert (exif[0x0112], exif[0x010F]) == (1, "CameraMaker")


def test_a_palette_keeps_its_transparency(tmp_path: Path) -> None:
    picture = Image.fromarray((RAMP % 3).astype(np.uint8), "L").convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    plain = read_photo(save(tmp_path / "plain.png", picture))
    assert plain.alpha is None
    photo = read_photo(save(tmp_path / "a.png", picture, transparency=bytes((0, 128, 255))))
    colours = np.eye(3, dtype=np.uint8)[RAMP % 3] * 255
    assert (as_uint8(photo.pixels) == colours).all() and (as_uint8(plain.pixels) == colours).all()
    assert (as_uint8(photo.alpha) == np.array([0, 128, 255])[RAMP % 3]).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_straight(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(RGB).convert(mode[:-1])
    expected = np.asarray(picture.convert("RGB"))
    picture.putalpha(Image.fromarray(RAMP))
    photo = read_photo(save(tmp_path / "a.png", picture))
    assert (as_uint8(photo.pixels) == expected).all()
    assert photo.alpha.shape == (1, H, W) and (as_uint8(photo.alpha) == RAMP).all()


def test_deep_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    deep = (np.arange(H * W).reshape(H, W) * 12).astype(np.uint16)
    expected = torch.from_numpy(deep / np.float64(65535)).float()[None, ..., None].expand(1, H, W, 3)
    for path in (tmp_path / "a.png", tmp_path / "b.tiff"):
        torch.testing.assert_close(read_photo(save(path, deep)).pixels, expected)
    long = deep.astype(np.int32) * 2**15
    torch.testing.assert_close(read_photo(save(tmp_path / "c.tiff", long)).pixels, expected, atol=4e-5, rtol=0)
    turned = save(tmp_path / "d.png", np.rot90(deep).copy(), exif=camera_exif(6))
    torch.testing.assert_close(read_photo(turned).pixels, expected)


def test_float_grey_may_be_odd_but_comes_out_sound(tmp_path: Path) -> None:
    values = RAMP.astype(np.float32) / 255
    assert (as_uint8(read_photo(save(tmp_path / "a.tiff", values)).pixels)[..., 0] == RAMP).all()
    assert (as_uint8(read_photo(save(tmp_path / "b.tiff", values * 255)).pixels)[..., 0] == RAMP).all()
    values[0, :3] = np.nan, np.inf, -np.inf
    assert (read_photo(save(tmp_path / "c.tiff", values)).pixels[0, 0, :3] == 0).all()


@pytest.mark.parametrize("mode", ["1", "L", "LAB"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(SMOOTH).convert("RGB")
    if mode == "LAB":
        lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        picture = ImageCms.applyTransform(picture, lab)
    else:
        picture = picture.convert(mode)
    photo = read_photo(save(tmp_path / "a.tiff", picture, icc_profile=SRGB))
    expected = SMOOTH if mode == "LAB" else np.asarray(picture.convert("RGB"))
    assert np.abs(as_uint8(photo.pixels).astype(int) - expected).mean() <= (3 if mode == "LAB" else 0)
    assert photo.icc == (None if mode == "LAB" else SRGB)


@pytest.mark.parametrize("extension", ["jpg", "tiff"])
def test_cmyk_goes_through_its_profile(tmp_path: Path, extension: str) -> None:
    cyan = Image.new("CMYK", (W, H), (255, 0, 0, 0))
    plain = read_photo(save(tmp_path / f"plain.{extension}", cyan))
    profiled = read_photo(save(tmp_path / f"profiled.{extension}", cyan, icc_profile=cmyk_profile()))
    broken = read_photo(save(tmp_path / f"broken.{extension}", cyan, icc_profile=cmyk_profile()[:200]))
    red, green, blue = profiled.pixels.mean((0, 1, 2))
    assert red > 0.7 and green < 0.35 and blue < 0.35
    for photo in (plain, broken):
        torch.testing.assert_close(photo.pixels.mean((0, 1, 2)), torch.tensor([0.0, 1, 1]), atol=0.02, rtol=0)
    assert plain.icc is profiled.icc is broken.icc is None


def test_ycck_is_told_from_cmyk(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", Image.new("CMYK", (W, H), (55, 127, 127, 0)), quality=100)
    data = bytearray(path.read_bytes())
    data[data.index(b"Adobe") + 11] = 2
    path.write_bytes(data)
    torch.testing.assert_close(read_photo(path).pixels, torch.full((1, H, W, 3), 55 / 255), atol=0.02, rtol=0)


def test_the_first_frame_of_an_animation_counts(tmp_path: Path) -> None:
    first = Image.new("RGB", (W, H), (255, 0, 0))
    for name in ("a.gif", "a.webp", "a.png"):
        path = save(tmp_path / name, first, save_all=True, append_images=[Image.new("RGB", (W, H), (0, 0, 255))])
        red, _, blue = read_photo(path).pixels.mean((0, 1, 2))
        assert red > 0.95 and blue < 0.05


def test_only_a_profile_that_fits_the_pixels_is_kept(tmp_path: Path) -> None:
    assert read_photo(save(tmp_path / "a.jpg", RGB, icc_profile=SRGB)).icc == SRGB
    assert read_photo(save(tmp_path / "b.jpg", RGB, icc_profile=cmyk_profile())).icc is None


def test_the_suffix_need_not_be_true(tmp_path: Path) -> None:
    assert read_photo(save(tmp_path / "a.png", RGB).rename(tmp_path / "a.jpg")).format == "PNG"


def deep_png(path: Path) -> Path:
    """Colour of 16 bits a channel, which Pillow can read but not write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in SMOOTH.astype(np.uint16) * 257)
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", W, H, 16, 2, 0, 0, 0), b"IDAT" + zlib.compress(rows), b"IEND"]
    parts = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def test_more_than_eight_bits_are_noted(tmp_path: Path) -> None:
    colour = read_photo(deep_png(tmp_path / "colour.png"))
    assert (as_uint8(colour.pixels) == SMOOTH).all()
    grey = read_photo(save(tmp_path / "grey.png", RAMP.astype(np.uint16) * 257))
    for photo in (colour, grey):
        assert len(photo.notes) == 1 and f"'{photo.path.name}' has more than 8 bits" in photo.notes[0]
    for name in ("a.png", "a.jpg", "a.tiff", "a.bmp", "a.webp"):
        assert read_photo(save(tmp_path / name, RGB)).notes == ()


def test_further_frames_are_noted(tmp_path: Path) -> None:
    red, blue = Image.new("RGB", (W, H), "red"), Image.new("RGB", (W, H), "blue")
    for name in ("a.gif", "a.webp", "a.png", "a.tiff"):
        (note,) = read_photo(save(tmp_path / name, red, save_all=True, append_images=[blue])).notes
        assert f"'{name}' holds several pictures" in note and "first" in note
    phone = save(tmp_path / "phone.jpg", red, format="MPO", save_all=True, append_images=[blue])
    assert read_photo(phone).notes == ()


def test_channels_need_no_copy_to_come_first(tmp_path: Path) -> None:
    """At 40 megapixels every copy of a picture is half a gigabyte."""
    pixels = read_photo(save(tmp_path / "a.png", RGB)).pixels
    assert to_bchw(pixels).data_ptr() == pixels.data_ptr()


def test_damaged_exif_is_dropped_without_a_word(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    exif = b"Exif\0\0" + b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 9, 0x010F, 2, 500, 9000)
    path = save(tmp_path / "a.jpg", RGB, exif=exif)
    with Image.open(path) as image:
        image.getexif()
    assert recwarn.pop(UserWarning)
    recwarn.clear()
    assert read_photo(path).exif is None
    assert not recwarn.list


def test_reading_in_threads_leaves_the_warning_filters_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", RGB)
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [read_photo(path) for _ in range(20)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_a_mask_is_alpha_or_brightness(tmp_path: Path) -> None:
    picture = Image.fromarray(np.dstack([RAMP] * 3))
    opaque = picture.copy()
    opaque.putalpha(255)
    for name, image in (("a.png", picture), ("b.png", opaque)):
        mask = read_mask(save(tmp_path / name, image))
        assert mask.shape == (1, H, W) and (as_uint8(mask) == RAMP).all() and mask.max() <= 1
    picture.putalpha(Image.fromarray(255 - RAMP))
    assert (as_uint8(read_mask(save(tmp_path / "c.png", picture))) == 255 - RAMP).all()
