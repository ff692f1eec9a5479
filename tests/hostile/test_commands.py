"""Command lines that nobody meant: one line of error and exit code 2, before any work."""

from __future__ import annotations

import os
import socket

import pytest
import torch  # noqa: F401  Commands load it when they need it: on a busy machine that alone takes as long as a hang.
from hostility import Kept, share
from PIL import Image

from faceveil.core import cli

pytestmark = pytest.mark.slow
NUMBERS = (
    "-1",
    "0",
    "nan",
    "inf",
    "1e999",
    "9" * 5000,
    "99999999999999999999",
    "0x10",
    "²",
    "١",
    "",
    " ",
    "1.5",
    "auto",
)
WORDS = ("", " ", "-", "--", "\0", "\x1b[2J", "a\nb", "\udcff", "x" * 5000, "../..", "~", "*", "[", "//", "con", "%s%n")
PLACES = ("nowhere/x.png", "loop", "loop/x.png", "pipe", "socket", "folder", "file.png/x.png", "/dev/null", "/dev/full")
PLACES += (
    "/proc/self/mem",
    "dangling",
    "file.png",
    "broken.png",
    "memory://x",
    "nonsense://x",
    "s3://",
    "http://[",
    "://",
)
DEVICES = ("meta", "cuda:99", "cpu:-1", "mps", "xla", "lazy", "cuda:x", "", "vulkan", "hpu", "privateuseone:9")
OPTIONS = {
    "protect": {
        **{"--seed": NUMBERS, "--jobs": NUMBERS, "--retries": NUMBERS, "--budget": NUMBERS, "--faces": NUMBERS},
        **{"--time-limit": NUMBERS, "--steps": NUMBERS, "--last": NUMBERS, "--surrogate": WORDS, "--judge": PLACES},
        **{"--gallery": PLACES, "--decoy": PLACES, "--mask": PLACES, "--report": PLACES, "--sheet": PLACES},
        **{"--device": DEVICES, "--model": PLACES, "--clip": PLACES, "--autoencoder": WORDS, "--ray": WORDS[:6]},
        **{"--strength": WORDS, "--recipe": WORDS, "--far": NUMBERS, "--detector": WORDS, "--method": WORDS},
    },
    "edit": {
        **{"--seed": NUMBERS, "--size": NUMBERS, "--steps": NUMBERS, "--guidance": NUMBERS, "--inject": NUMBERS},
        **{"--mask": PLACES, "--region": WORDS, "--device": DEVICES, "--parser": PLACES, "--landmarks": PLACES},
    },
    "verify": {"--gallery": PLACES, "--judge": PLACES, "--far": NUMBERS, "--sheet": PLACES, "--device": DEVICES},
    "regions": {"--shown": PLACES, "--faces": NUMBERS, "--parser": PLACES, "--landmarks": PLACES},
    "status": {"--worst": NUMBERS, "--csv": PLACES, "--jsonl": PLACES},
    "calibrate": {"--recogniser": PLACES, "--device": DEVICES},
    "fetch": {},
    "demo": {"-o": PLACES, "--device": DEVICES},
    "bench": {"--jobs": NUMBERS, "--count": NUMBERS, "--seed": NUMBERS, "--methods": WORDS, "--recognisers": PLACES},
}


@pytest.fixture
def odd_places(tmp_path, monkeypatch):
    """A folder of all that a path can lead to, in which every command starts; what is to stay as it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    Image.new("RGB", (64, 64)).save(tmp_path / "file.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return Kept([*tmp_path.iterdir(), *map(tmp_path.__class__, ("/dev/null", "/dev/full"))])


def command_line(chance):
    """A command line. Photos show no face, so nothing that gets through takes long."""
    verb = chance.choice(list(OPTIONS))
    place = lambda: chance.choice([*PLACES, "file.png", "file.png"])
    out = chance.choice(["out.png", "new", "folder", *PLACES])
    words = {
        "protect": [*(place() for _ in range(chance.choice([1, 1, 2]))), "-o", out],
        "edit": [place(), "-o", out, "--prompt", chance.choice(["red lipstick", *WORDS])],
        "verify": [place(), place()],
        "regions": [place(), chance.choice(["face", *WORDS]), "-o", out],
        "status": [place()],
        "calibrate": [place(), "--recogniser", "dlib"],
        "fetch": [chance.choice(WORDS)],
        "demo": [place(), "-o", out],
        "bench": [place(), "-o", out, "--recognisers", "dlib"],
    }[verb]
    for option in chance.sample(list(OPTIONS[verb]), min(len(OPTIONS[verb]), chance.choice([0, 1, 1, 2, 3]))):
        words += [option, chance.choice(OPTIONS[verb][option])]
    return [verb, *words]


def test_command_lines(tally, chance, capsys, odd_places):
    for _ in range(share(0.12)):
        words = command_line(chance)

        def call(words=words):
            try:
                code = cli.main(words)
            except SystemExit as left:
                code = left.code
            out, err = capsys.readouterr()
            lines = err.splitlines()
            assert code in (0, 2), (code, err)
            assert code == 0 or (lines and lines[-1].startswith("faceveil: ")), err
            assert len(lines) <= 4 and all(line.isprintable() for line in lines + out.split("\n")), err
            if code:
                raise cli.FaceVeilError(lines[-1])

        tally.judge("command lines", " ".join(words)[:300], call, odd_places)
        capsys.readouterr()
