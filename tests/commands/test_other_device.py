"""Whole commands on a device that is not the CPU: nothing is left behind, and the pictures are the same."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from commandline import run
from other_device import DEVICE, OtherDevice

from faceveil.core.images import read_photo


def test_what_is_left_behind_is_noticed():
    with OtherDevice():
        there, here = torch.ones(2, 3, device=DEVICE), torch.ones(2, 3)
        assert torch.equal((there + here.to(DEVICE) * 2.0).cpu(), torch.full((2, 3), 3.0))
        assert torch.equal((there * torch.tensor(2.0)).cpu(), 2 * here)
        for mixed in (
            lambda: there + here,
            lambda: torch.stack([there, here]),
            lambda: here[there.bool()],
            lambda: there.clamp(torch.tensor(0.0), torch.tensor(1.0)),
            lambda: here.masked_fill_(there > 0, 0.0),
        ):
            with pytest.raises(RuntimeError, match="all tensors on one device"):
                mixed()


QUICK = (
    "protect portrait -o OUT --sheet SHEET",
    "edit portrait --prompt red-lips -o OUT --steps 4 --inject 2 --no-protect",
    "edit portrait --prompt red-lips -o OUT --steps 4 --editor flow --no-protect",
    "verify first first --gallery second",
)
SLOW = (
    "protect portrait -o OUT --strength light --mask MASK",
    "protect portrait -o OUT --recipe momentum-noise",
    "protect first -o OUT --gallery second --mode decoy --decoy portrait",
    "edit portrait --prompt red-lips -o OUT --steps 4",
    "protect portrait -o OUT --method purification --steps 5 --last 2",
    "edit portrait --prompt red-lips -o OUT --steps 4 --in-loop",
)


@pytest.mark.parametrize("words", [*QUICK, *(pytest.param(words, marks=pytest.mark.slow) for words in SLOW)])
def test_a_command_works_there_and_makes_the_same(capsys, quick, portrait, examples, tmp_path, words):
    places = {
        "portrait": portrait,
        "first": examples / "person-first.jpg",
        "second": examples / "person-second.jpg",
        "MASK": tmp_path / "mask.png",
    }
    if "MASK" in words:
        run(capsys, "regions", portrait, "face", "-o", places["MASK"])
    made = []
    for device in ("cpu", str(DEVICE)):
        own = {**places, "OUT": tmp_path / f"{device[:3]}.png", "SHEET": tmp_path / f"{device[:3]}-sheet.png"}
        with OtherDevice() if device != "cpu" else nullcontext():
            # One recogniser: with both it takes twice as long and goes the same ways.
            one = ("--judge" if words.startswith("verify") else "--surrogate", "dlib", "--device", device)
            code, _, err = run(capsys, *(own.get(word, word) for word in words.split()), *one)
        assert code == 0, err
        made.append(read_photo(own["OUT"]).pixels if "OUT" in words else torch.zeros(1))
    assert (made[0] - made[1]).abs().mean() < 2e-3  # a search makes much of rounding


def test_thresholds_are_measured_there(capsys, examples, tmp_path):
    for side, name in (("a", "first"), ("b", "second")):
        (tmp_path / side).mkdir()
        for copy in range(4):
            (tmp_path / side / f"{copy}.jpg").symlink_to(examples / f"person-{name}.jpg")
    with OtherDevice():
        ask = ("calibrate", tmp_path, "--recogniser", "dlib", "--dry-run", "--device")
        here, there = (run(capsys, *ask, device) for device in ("cpu", DEVICE))
    assert there[0] == 0 and there == here
