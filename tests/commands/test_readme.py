"""README's and docs' commands and Python: each does what it says, from the photos that come with the project."""

from __future__ import annotations

import hashlib
import re
import runpy
import shlex
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from commandline import cut_short, run
from photos import save
from PIL import Image
from tiny_networks import tiny_recogniser

from faceveil.core.cli import build_parser
from faceveil.core.methods import recipes
from faceveil.core.model_files import fetch as fetching
from faceveil.core.model_files.fetch import Download

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/COMMANDS.md", "docs/PYTHON.md", "docs/COMFYUI.md")
README = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
LINES = [line for kind, block in BLOCKS if not kind for line in block.splitlines() if line.startswith("faceveil ")]


@pytest.mark.parametrize("line", LINES)
def test_a_command_can_be_typed_as_it_stands(line):
    options = build_parser().parse_args(shlex.split(line, comments=True)[1:])
    read = [*getattr(options, "photos", []), *getattr(options, "gallery", []), *getattr(options, "decoy", [])]
    read += [getattr(options, name) for name in ("photo", "original") if hasattr(options, name)]
    for path in read:
        assert (ROOT / path).exists(), path


def test_there_are_commands_to_try():
    named = {shlex.split(line)[1] for line in LINES}
    assert named >= {"protect", "status", "edit", "regions", "verify", "recognisers", "fetch", "calibrate", "bench"}


@pytest.mark.parametrize("words", ["fetch vgg19", "--far", "--device", "--report"])
def test_what_newcomers_missed_is_explained(words):
    assert words in README


@pytest.fixture(scope="module")
def small(examples, tmp_path_factory):
    """The photos that come with the project, of the largest a part: nobody looks at a pixel of what is made of them."""
    folder = tmp_path_factory.mktemp("small")
    for name in ("person-first.jpg", "person-second.jpg"):
        shutil.copy(examples / name, folder)
    save(folder / "portrait.png", Image.open(examples / "portrait.png").convert("RGB").crop((100, 0, 356, 256)))
    return folder


@pytest.fixture
def place(small, tmp_path, monkeypatch):
    """A folder with everything that the README's lines name, and searches cut short."""
    cut_short(monkeypatch, 2)
    for table in (recipes.RECIPES, recipes._LATENTS):
        for name, recipe in list(table.items()):
            monkeypatch.setitem(table, name, replace(recipe, size=64))
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "portraits").symlink_to(small)
    tiny_recogniser(tmp_path, "other")
    photos = [small / name for name in ("person-first.jpg", "person-second.jpg", "portrait.png")]
    for index in range(12):
        for side in "ab":
            (tmp_path / "PAIRS" / side).mkdir(parents=True, exist_ok=True)
            photo = photos[index % 3]
            shutil.copy(photo, tmp_path / "PAIRS" / side / f"{index}{photo.suffix}")
        person = tmp_path / "PEOPLE" / f"{index % 2}"
        person.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, person / f"{index}{photo.suffix}")
    monkeypatch.setitem(fetching.DOWNLOADS, "buffalo_l", _packed(fetching.DOWNLOADS["buffalo_l"], tmp_path))
    return tmp_path


def _packed(download: Download, folder: Path) -> Download:
    """The same pack from this machine, with another network in it."""
    network, archive = (folder / "other.onnx").read_bytes(), folder / "pack.zip"
    with zipfile.ZipFile(archive, "w") as pack:
        for name, _ in download.files:
            pack.writestr(name, network)
    digest = hashlib.sha256(network).hexdigest()
    return replace(download, url=archive.as_uri(), files=tuple((name, digest) for name, _ in download.files))


@pytest.mark.slow
def test_every_command_runs_one_after_the_other(place, capsys):
    from tiny_pipelines import sd

    sd().save_pretrained(place / "stable-diffusion-2-base")
    for line in LINES:
        words = shlex.split(line, comments=True)[1:]
        if words[0] == "bench":
            words += ["--count", "1", "--held-out", "dlib", "--attacks", "flip"]
        # Workers are processes of their own, where nothing is cut short; tests/many runs several.
        words = ["1" if word == "auto" else word for word in words]
        code, _, err = run(capsys, *words)
        assert code == 0, f"{line}: {err}"
    for name in (
        "protected.png",
        "sheet.png",
        "verdicts.json",
        "verdicts.csv",
        "edited.png",
        "mask.png",
        "verdict.png",
    ):
        assert (place / name).stat().st_size > 0, name
    assert (place / "results" / "results.md").is_file() and (place / "found" / "results.md").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("example", [block for kind, block in BLOCKS if kind == "python"])
def test_a_python_example_runs_as_it_stands(example, quick, small, tmp_path, monkeypatch, capsys):
    """But for the length of its searches; tests/search says what the default comes to."""
    (tmp_path / "portraits").symlink_to(small)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.py").write_text(example)
    runpy.run_path("example.py")
    assert (tmp_path / "protected.png").is_file() and capsys.readouterr().out.count("The face is ") == 2
