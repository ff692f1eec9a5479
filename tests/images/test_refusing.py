"""Files that are no photos, or no sound ones: one sentence each."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import pytest
from photos import RGB, W, save
from PIL import Image, PngImagePlugin

from faceveil.core.errors import InputError
from faceveil.core.images import read_photo, reading


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
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC photo.*export it as JPEG"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "is a HEIC photo"),
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
    ("name", "words"), [("", "folder"), ("x" * 400, "cannot be opened"), ("a\0b", "no file or folder 'a.b'")]
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


def test_a_million_pages_cost_no_more_than_two(tmp_path: Path) -> None:
    """Fifteen megabytes of page after page once took more than a minute."""
    path = save(tmp_path / "pages.tiff", RGB)
    data = bytearray(path.read_bytes())
    first = struct.unpack("<I", data[4:8])[0]
    link = first + 2 + 12 * struct.unpack("<H", data[first : first + 2])[0]
    page = struct.pack("<HHHII", 1, 256, 4, 1, 80)
    pages = bytearray()
    start = len(data)
    for index in range(500_000):
        pages += page + struct.pack("<I", start + (index + 1) * (len(page) + 4))
    data[link : link + 4] = struct.pack("<I", start)
    path.write_bytes(data + pages)
    begun = time.process_time()
    assert read_photo(path).width == W
    assert time.process_time() - begun < 2


def test_a_photo_for_which_there_is_no_memory_is_refused_before_decoding(tmp_path, monkeypatch) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_head(12000, 12000))
    monkeypatch.setattr(reading, "free_memory", lambda: 3 * 10**9)
    with pytest.raises(InputError, match=r"4\.9 GB of memory are needed and 3\.0 are free"):
        read_photo(path)
    for there in (10**10, None):
        monkeypatch.setattr(reading, "free_memory", lambda there=there: there)
        with pytest.raises(InputError, match="damaged"):
            read_photo(path)


@pytest.mark.parametrize("target", ["itself.png", "gone.png"])
def test_a_link_that_leads_nowhere_is_called_one(tmp_path: Path, target: str) -> None:
    link = tmp_path / "itself.png"
    link.symlink_to(target)
    with pytest.raises(InputError, match="link that leads to no file"):
        read_photo(link)
