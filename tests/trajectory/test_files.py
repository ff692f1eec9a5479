"""Trajectories as files: all comes back, and what is none is refused at the door in one sentence."""

from __future__ import annotations

import json

import pytest
import torch
from analytic import NOTHING, Gaussian
from safetensors.torch import save_file

from faceveil.core.errors import FaceVeilError, InputError, OutputError
from faceveil.core.trajectory.files import KIND, VERSION, load_trajectory, save_trajectory
from faceveil.core.trajectory.paths import invert
from faceveil.core.trajectory.record import Trajectory

HEAD = {"faceveil": json.dumps({"kind": KIND, "version": VERSION})}


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def sound() -> dict[str, torch.Tensor]:
    latents = {f"latents@{sigma!r}": draw(1, 4, 8, 8) for sigma in (0.0, 0.5)}
    return {**latents, "velocities@0.0": draw(1, 4, 8, 8), "values.7/9@0.5": draw(1, 6, 5, dtype=torch.bfloat16)}


@pytest.mark.parametrize("limit", [0, 1 << 20])
def test_attention_and_spilled_paths_survive_their_file(tmp_path, limit):
    model, file = Gaussian(True), tmp_path / "me.trajectory"
    path = invert(model, draw(1, 3, 4, 4), [1 - i / 7 for i in range(8)], NOTHING)
    spilled = Trajectory(limit)
    for series, known in ((spilled.latents, path.latents), (spilled.velocities, path.velocities)):
        for sigma in known.sigmas:
            series.put(sigma, known.at(sigma))
    spilled.layer("7/19").put(1 / 3, draw(2, 3, 5, dtype=torch.bfloat16))
    save_trajectory(spilled, file)
    back = load_trajectory(file, limit)
    assert back.sigmas == spilled.sigmas and back.bytes == spilled.bytes
    assert all(torch.equal(back.velocities.at(s), path.velocities.at(s)) for s in path.velocities.sigmas)
    values = back.layer("7/19")
    assert values.sigmas == [1 / 3] and torch.equal(values.at(1 / 3), draw(2, 3, 5, dtype=torch.bfloat16))
    # A file may be written over by what was read from it.
    save_trajectory(back, file)
    assert torch.equal(load_trajectory(file).start, path.start)


def test_an_unwritable_file_is_one_sentence(tmp_path):
    path = Trajectory()
    path.latents.put(0.25, draw(4))
    with pytest.raises(OutputError, match=r"'me\.trajectory' could not be written"):
        save_trajectory(path, tmp_path / "missing" / "me.trajectory")


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ({"format": "pt"}, "no trajectory that was saved here"),
        ({"faceveil": json.dumps({"kind": "faceveil-veil", "version": 2})}, "a file of the kind 'faceveil-veil'"),
        ({"faceveil": json.dumps({"kind": KIND, "version": 99})}, "of version 99 and this FaceVeil reads"),
        ({"faceveil": "[]"}, "damaged or no trajectory"),
        ({"faceveil": "{"}, "damaged or no trajectory"),
    ],
)
def test_a_file_of_something_else_is_told_by_what_it_is(tmp_path, head, says):
    save_file(sound(), tmp_path / "me.trajectory", HEAD)
    assert load_trajectory(tmp_path / "me.trajectory").sigmas == [0.5, 0.0]
    save_file(sound(), tmp_path / "me.trajectory", head)
    with pytest.raises(InputError, match=says):
        load_trajectory(tmp_path / "me.trajectory")


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"weights@0.5": draw(3)}, "damaged"),
        ({"values.9/9@0.5": draw(3)}, "damaged"),
        ({"values.../../etc@0.5": draw(3)}, "damaged"),
        ({"latents@half": draw(1, 4, 8, 8)}, "damaged"),
        ({"latents@nan": draw(1, 4, 8, 8)}, "damaged"),
        ({"latents@-1.0": draw(1, 4, 8, 8)}, "damaged"),
        ({"latents@0.5": draw(1, 4, 8, 8) / 0}, "damaged"),
        ({"latents@0.5": torch.ones(1, 4, 8, 8, dtype=torch.int64)}, "damaged"),
        ({"latents@0.5": draw(1, 4, 8, 9)}, "several shapes"),
        ({"velocities@0.0": draw(1, 4, 8, 9)}, "several shapes"),
        ({"latents@0.0": None}, "from a picture up"),
        ({"latents@0.5": None}, "from a picture up"),
        ({"velocities@0.0": None}, "from a picture up"),
    ],
)
def test_what_no_path_has_is_refused(tmp_path, tensors, says):
    merged = {**sound(), **tensors}
    kept = {key: value for key, value in merged.items() if value is not None}
    save_file(kept, tmp_path / "odd.trajectory", HEAD)
    with pytest.raises(InputError, match=says):
        load_trajectory(tmp_path / "odd.trajectory")


def test_no_file_and_a_file_cut_short_are_one_sentence_each(tmp_path):
    with pytest.raises(InputError, match=r"cannot be opened \(.*\): check the path"):
        load_trajectory(tmp_path / "none.trajectory")
    save_file(sound(), tmp_path / "me.trajectory", HEAD)
    whole = (tmp_path / "me.trajectory").read_bytes()
    for end in (0, 5, 100, len(whole) - 1):
        (tmp_path / "me.trajectory").write_bytes(whole[:end])
        with pytest.raises(FaceVeilError, match="damaged or no trajectory"):
            load_trajectory(tmp_path / "me.trajectory")
