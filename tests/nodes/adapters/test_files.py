"""Where ComfyUI keeps things, with a stand-in for the module of it that knows."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from faceveil.core.errors import OutputError


@pytest.fixture
def files(monkeypatch, tmp_path):
    folders = ModuleType("folder_paths")
    folders.get_temp_directory = lambda: str(tmp_path / "temp")
    folders.get_output_directory = lambda: str(tmp_path / "output")
    monkeypatch.setitem(sys.modules, "folder_paths", folders)
    latest = ModuleType("comfy_api.latest")
    latest.InputImpl = SimpleNamespace(VideoFromFile=OfAFile)
    monkeypatch.setitem(sys.modules, "comfy_api", ModuleType("comfy_api"))
    monkeypatch.setitem(sys.modules, "comfy_api.latest", latest)
    yield importlib.import_module("faceveil.nodes.adapters.files")
    sys.modules.pop("faceveil.nodes.adapters.files")


class OfPictures:
    """A film that ComfyUI has made of pictures: it is no file yet."""

    def __init__(self) -> None:
        self.times_written = 0

    def get_stream_source(self) -> object:
        raise AssertionError("ComfyUI writes the whole film into memory to answer this, and 0.8.0 fails at it")

    def save_to(self, path: str) -> None:
        self.times_written += 1
        Path(path).write_bytes(b"film")


class OfAFile(OfPictures):
    """A film that was loaded, from a file or from what another node holds in memory."""

    def __init__(self, source: object, cut: tuple[float, float] = (0, 0)) -> None:
        super().__init__()
        self.source, self.cut = source, cut

    def get_stream_source(self) -> object:
        return self.source

    def get_active_trim_window(self) -> tuple[float, float]:
        return self.cut


@pytest.mark.parametrize("film", [OfPictures(), OfAFile(b"in memory"), OfAFile("film.mp4", cut=(1.5, 0))])
def test_a_film_that_is_no_file_as_it_is_becomes_one_for_as_long_as_it_is_read(files, film):
    with files.on_disk(film) as path:
        assert path.read_bytes() == b"film" and film.times_written == 1
    assert not path.exists()


def test_a_film_that_is_a_file_is_read_where_it_is_and_stays(files, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"mine")
    film = OfAFile(str(path))
    with files.on_disk(film) as read:
        assert read == path and film.times_written == 0
    assert path.exists()


def test_a_place_is_what_comfyui_says_it_is(files, tmp_path):
    answer = (str(tmp_path / "output/mine"), "picture", 7, "mine", "mine/picture")
    sys.modules["folder_paths"].get_save_image_path = lambda prefix, output, width, height: answer
    place = files.numbered_place("mine/picture", 512, 384)
    assert (place.folder, place.name, place.counter, place.subfolder) == (tmp_path / "output/mine", *answer[1:4])


def test_a_locked_output_folder_is_told_in_one_sentence(files):
    def locked(prefix, output, width, height):
        raise PermissionError(13, "Permission denied")

    sys.modules["folder_paths"].get_save_image_path = locked
    with pytest.raises(OutputError, match=r"'mine/picture' could not be written \(Permission denied\): unlock"):
        files.numbered_place("mine/picture", 512, 384)
