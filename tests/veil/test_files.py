"""Veils on disk: what is written comes back, and everything else is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from veils import SHAPE, stirred

from faceveil.core.errors import InputError, OutputError
from faceveil.core.veil.files import load_veil, save_veil
from faceveil.core.veil.veil import Origin, Veil


def written(folder: Path, change=lambda data: None, knots=None) -> Path:
    """A veil's file with something changed in what it says, or in what it holds."""
    from safetensors import safe_open

    path = folder / "me.veil"
    save_veil(stirred(), path)
    with safe_open(path, "pt") as stored:
        data, kept = json.loads(stored.metadata()["faceveil"]), {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    change(data)
    save_file(knots(kept) if knots else kept, path, {"faceveil": json.dumps(data)})
    return path


def test_what_is_saved_comes_back(tmp_path):
    origin = Origin("balanced", {"dlib": 0.87}, "1e-2", 4, "0.1.0")
    veil = Veil(SHAPE, stirred(rows=2).knots, origin, 0.6)
    save_veil(veil, tmp_path / "me.veil")
    again = load_veil(tmp_path / "me.veil")
    assert again.shape == SHAPE and again.origin == origin and len(again) == 2 and again.share == 0.6
    assert all(torch.equal(again.knots[name], veil.knots[name]) for name in veil.knots)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(version=1), "version 1"),
        (lambda data: data.update(kind="recipe"), "kind 'recipe'"),
        (lambda data: data.pop("shape"), "does not say"),
        (lambda data: data["shape"].update(warp=9), "does not say"),
        (lambda data: data["shape"].update(size=10**9), "does not say"),
        (lambda data: data["shape"].update(warp=float("nan")), "does not say"),
        (lambda data: data["shape"].update(contrast=[[0.1, 10**7, 0.1]]), "does not say"),
        (lambda data: data["shape"].update(growth=-1), "does not say"),
        (lambda data: data["shape"].update(contrast=[[0.1, 9, 0.1]]), "other knots"),
        (lambda data: data.update(share=2), "does not say"),
        (lambda data: data["origin"].update(photos=float("inf")), "does not say"),
        (lambda data: data["origin"].update(surrogates={"dlib": 10**400}), "does not say"),
        (lambda data: data["shape"].update(warp=0, luma=0, contrast=[]), "changes nothing"),
    ],
)
def test_what_says_something_else_is_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as raised:
        load_veil(written(tmp_path, change))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("knots", "message"),
    [
        (lambda kept: {name: value * float("nan") for name, value in kept.items()}, "NaN"),
        (lambda kept: {name: value.expand(200, -1, -1, -1).contiguous() for name, value in kept.items()}, "200 faces"),
        (lambda kept: {name: value[:, :, :3].contiguous() for name, value in kept.items()}, "other knots"),
        (lambda kept: {name: value.long() for name, value in kept.items()}, "invalid numbers"),
        (lambda kept: {**kept, "more": torch.zeros(1)}, "other knots"),
    ],
)
def test_what_holds_something_else_is_refused(tmp_path, knots, message):
    with pytest.raises(InputError, match=message):
        load_veil(written(tmp_path, knots=knots))


def test_other_files_are_no_veils(tmp_path, examples):
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "empty.veil").write_bytes(b"")
    for path in (
        tmp_path / "other.safetensors",
        tmp_path / "empty.veil",
        examples / "portrait.png",
        tmp_path,
        tmp_path / "no",
    ):
        with pytest.raises(InputError):
            load_veil(path)


def test_a_place_that_takes_no_file_is_told_of(tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        save_veil(stirred(), tmp_path / "nowhere" / "me.veil")
