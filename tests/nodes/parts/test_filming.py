"""Films and batches of frames, without ComfyUI."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from other_device import DEVICE, OtherDevice
from veils import stirred

from faceveil.core.errors import InputError
from faceveil.core.verdict.verify import Witness
from faceveil.nodes.parts.filming import Filming, protect_batch, protect_file, suffix_for, wardrobe_of


def test_frames_wear_a_veil_and_somebody_looks_at_them(portrait, dlib_recogniser):
    frames = portrait[0].movedim(0, -1)[20:220, 100:356].expand(3, -1, -1, -1).clone()
    before, shown = frames.clone(), []
    wardrobe = wardrobe_of("light", "1e-2", 0, [dlib_recogniser], (stirred(),))
    text, veils = protect_batch(
        frames, 24.0, Filming(wardrobe, "all", 1.0, [Witness(dlib_recogniser)], lambda done, what: shown.append(done))
    )
    assert not torch.equal(frames, before) and len(veils) == 1 and shown[-1] == 1.0
    assert text.startswith("3 frames, 1 faces in its shots, 1 veil.") and "dlib (judge): matches" in text


def test_frames_are_worked_on_where_that_is_said(portrait):
    frames = portrait[0].movedim(0, -1)[20:220, 100:356].expand(2, -1, -1, -1)
    made = []
    for device in ("cpu", str(DEVICE)):
        made.append(frames.clone())
        wardrobe = wardrobe_of("light", "1e-2", 0, [], (stirred(),))
        with OtherDevice():
            protect_batch(made[-1], 24.0, Filming(wardrobe, "all", 1.0, [], lambda done, what: None, device))
    assert (made[0] - made[1]).abs().max() < 1e-3 and not torch.equal(made[0], frames)


def test_a_film_goes_from_file_to_file(portrait, tmp_path):
    pytest.importorskip("av")
    from films import moved, write

    path = write(tmp_path / "in.mp4", moved(portrait[..., 20:220, 100:356], 4, 180, 256, 3.0), audio=0)
    shown: list[float] = []
    wardrobe = wardrobe_of("light", "1e-2", 0, [], (stirred(),))
    text, _ = protect_file(
        path, tmp_path / "out.mp4", Filming(wardrobe, "all", 1.0, [], lambda done, what: shown.append(done))
    )
    assert text.startswith("4 frames") and (tmp_path / "out.mp4").is_file() and shown == sorted(shown)


def test_a_film_takes_one_veil_and_a_real_one():
    for veils, why in (((None,), "empty"), ((stirred(), stirred()), "one veil")):
        with pytest.raises(InputError, match=why):
            wardrobe_of("light", "1e-2", 0, [], veils)
    assert suffix_for(Path("a.AVI")) == ".mkv"
