"""Where ComfyUI keeps things, with a stand-in for the module of it that knows."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from faceveil.core.errors import OutputError


@pytest.fixture
def files(monkeypatch, tmp_path):
    folders = ModuleType("folder_paths")
    folders.get_temp_directory = lambda: str(tmp_path / "temp")
    folders.get_output_directory = lambda: str(tmp_path / "output")
    monkeypatch.setitem(sys.modules, "folder_paths", folders)
    yield importlib.import_module("faceveil.nodes.adapters.files")
    sys.modules.pop("faceveil.nodes.adapters.files")


class OfPictures:
    """A film that ComfyUI has made of pictures: it is no file yet."""

    def __init__(self, source: object = None) -> None:
        self.source = source

    def get_stream_source(self) -> object:
        if self.source is None:
            raise ValueError("Could not determine output format")
        return self.source

    def save_to(self, path: str) -> None:
        Path(path).write_bytes(b"film")


@pytest.mark.parametrize("source", [None, b"in memory"])
def test_a_film_that_is_no_file_is_one_for_as_long_as_it_is_read(files, source):
    with files.on_disk(OfPictures(source)) as path:
        assert path.read_bytes() == b"film"
    assert not path.exists()


def test_a_film_that_is_a_file_is_read_where_it_is_and_stays(files, tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"mine")
    with files.on_disk(OfPictures(str(film))) as path:
        assert path == film
    assert film.exists()


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
