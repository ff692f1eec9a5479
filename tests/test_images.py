"""Photo files in and out: what is kept, what is converted, what is refused."""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin

from faceveil.core import images
from faceveil.core.errors import InputError, OutputError
from faceveil.core.images import Photo, list_photos, read_mask, read_photo, write_photo

H, W = 66, 80
RGB = np.random.default_rng(1).integers(0, 256, (H, W, 3), dtype=np.uint8)
SMOOTH = np.stack(np.broadcast_arrays(np.arange(W) * 3, np.arange(H)[:, None] * 3, 90), 2).astype(np.uint8)
RAMP = (np.arange(H * W).reshape(H, W) % 256).astype(np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def save(path: Path, image: Image.Image | np.ndarray, **options: object) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def as_uint8(pixels: torch.Tensor) -> np.ndarray:
    return images.to_uint8(pixels)[0].numpy()


def camera_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "CameraMaker"
    exif[0x8769] = {0x9003: "2024:05:06 07:08:09", 0x927C: b"NOTE-WITH-PREVIEW"}
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    return exif.tobytes()


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


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    return read_photo(save(tmp_path / "source.png", RGB, icc_profile=SRGB))


# Reading: kinds of pictures


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


# Reading: what is refused


def png_head(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    idat = b"IDAT" + zlib.compress(b"")
    parts = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (chunk, idat)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("size", [(12001, 64), (64, 12001), (63, 64), (64, 63), (30000, 30000)])
def test_a_size_out_of_bounds_is_named_before_decoding(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "big.png"
    path.write_bytes(png_head(*size))
    with pytest.raises(InputError, match=rf"'big.png' is {size[0]} x {size[1]} pixels.*(scale it down|larger)"):
        read_photo(path)


def test_the_bounds_themselves_are_allowed(tmp_path: Path) -> None:
    assert read_photo(save(tmp_path / "a.png", Image.new("1", (12000, 64)))).width == 12000


def test_pillows_own_limit_neither_stops_nor_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", RGB)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_photo(path).width == W
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no file"),
        (b"", "empty"),
        (b"not a picture at all, honestly", "not a photo of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not a photo of a known kind"),
        (png_head(80, 80), "damaged or cut short"),
    ],
)
def test_what_is_no_photo_is_refused_in_one_sentence(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "line\nbreak.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_photo(path)
    assert "'line?break.png'" in str(caught.value) and str(caught.value).splitlines() == [str(caught.value)]


@pytest.mark.parametrize(
    ("name", "words"), [("", "folder"), ("x" * 400, "cannot be opened"), ("a\0b", "no file 'a.b'")]
)
def test_folders_and_impossible_paths_are_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_photo(tmp_path / name)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (MemoryError(), r"memory to open 'a\.png'"),
        (Image.DecompressionBombError("long text"), r"'a\.png' has far more than"),
        *((kind("long\ntext"), r"'a\.png' is damaged") for kind in (KeyError, OverflowError, struct.error, EOFError)),
    ],
)
def test_whatever_the_decoder_throws_is_told_as_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, words: str
) -> None:
    def load(self: Image.Image) -> None:
        raise failure

    path = save(tmp_path / "a.png", RGB)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(InputError, match=words) as caught:
        read_photo(path)
    assert "text" not in str(caught.value)


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


# Writing


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


# Conversions, masks, folders


def test_conversions_are_exact() -> None:
    levels = torch.arange(256)
    assert torch.equal(images.to_uint8(levels / 255), levels.to(torch.uint8))
    assert images.to_uint8(torch.tensor([-1.0, 0.5 / 255, 1.5 / 255, 2.0])).tolist() == [0, 1, 2, 255]
    pixels = images.from_pil(Image.fromarray(RGB))
    assert pixels.shape == (1, H, W, 3) and pixels.dtype == torch.float32
    assert (np.asarray(images.to_pil(pixels)) == RGB).all()
    assert images.to_bchw(pixels).shape == (1, 3, H, W)
    assert torch.equal(images.to_bhwc(images.to_bchw(pixels)), pixels)
    with pytest.raises(ValueError, match="one picture"):
        images.to_pil(pixels[0])


def test_a_mask_is_alpha_or_brightness(tmp_path: Path) -> None:
    picture = Image.fromarray(np.dstack([RAMP] * 3))
    opaque = picture.copy()
    opaque.putalpha(255)
    for name, image in (("a.png", picture), ("b.png", opaque)):
        mask = read_mask(save(tmp_path / name, image))
        assert mask.shape == (1, H, W) and (as_uint8(mask) == RAMP).all() and mask.max() <= 1
    picture.putalpha(Image.fromarray(255 - RAMP))
    assert (as_uint8(read_mask(save(tmp_path / "c.png", picture))) == 255 - RAMP).all()


def test_list_photos(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photos"):
        list_photos(tmp_path)
    for name in ("b.JPG", "a.png", "notes.txt", "._a.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [p.name for p in list_photos(tmp_path)] == ["a.png", "b.JPG"]
    for wrong in (tmp_path / "missing", tmp_path / "a.png"):
        with pytest.raises(InputError, match="is not a folder"):
            list_photos(wrong)
