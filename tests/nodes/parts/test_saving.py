"""What Save Protected writes, and what it does not."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from faceveil.core.errors import InputError, OutputError
from faceveil.nodes.adapters.pictures import alphas_of, pictures_of
from faceveil.nodes.parts.saving import SUFFIXES, save_pictures, without_fingerprints

EMBEDDED = {"prompt": {"1": {"class_type": "LoadImage"}}, "workflow": {"nodes": []}}


@pytest.fixture
def image():
    return torch.randint(0, 256, (2, 64, 96, 3), generator=torch.Generator().manual_seed(0)).float() / 255


def saved(image, folder, **given):
    return save_pictures(pictures_of(image), alphas_of(image), folder, "mine", 1, **given)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_files_are_numbered_and_hold_nothing_but_pixels(image, tmp_path, kind):
    assert saved(image, tmp_path, kind=kind) == [f"mine_0000{number}_{SUFFIXES[kind]}" for number in (1, 2)]
    for path, pixels in zip(sorted(tmp_path.iterdir()), image, strict=True):
        with Image.open(path) as file:
            assert not file.getexif() and not {"exif", "icc_profile", "comment", "xmp"} & set(file.info)
            assert not getattr(file, "text", {})
            back = torch.from_numpy(np.array(file.convert("RGB")))
        if kind != "jpeg":
            assert torch.equal(back, (pixels * 255).round().byte())


def test_a_file_that_is_there_is_never_written_over(image, tmp_path):
    (tmp_path / "mine_00001_.png").write_bytes(b"somebody's")
    assert saved(image[:1], tmp_path) == ["mine_00002_.png"]
    assert (tmp_path / "mine_00001_.png").read_bytes() == b"somebody's"


def test_a_name_that_is_too_long_is_one_sentence(image, tmp_path):
    with pytest.raises(OutputError, match="choose another name"):
        save_pictures(pictures_of(image), None, tmp_path, "m" * 300, 1)


def test_a_workflow_that_is_asked_for_lies_where_comfyuis_page_looks_for_it(image, tmp_path):
    png, webp = (saved(image[:1], tmp_path, kind=kind, embedded=EMBEDDED)[0] for kind in ("png", "webp"))
    with Image.open(tmp_path / png) as file:
        assert {key: json.loads(text) for key, text in file.text.items()} == EMBEDDED
    with Image.open(tmp_path / webp) as file:
        exif = file.getexif()
    assert exif[0x0110] == "prompt:" + json.dumps(EMBEDDED["prompt"])
    assert exif[0x010F] == "workflow:" + json.dumps(EMBEDDED["workflow"])
    with pytest.raises(InputError, match="choose png or webp"):
        saved(image, tmp_path, kind="jpeg", embedded=EMBEDDED)


def test_the_fingerprint_of_the_original_is_never_embedded():
    prompt = {"1": {"class_type": "LoadImage", "inputs": {"image": "me.png"}, "is_changed": ["5e3f"]}}
    assert without_fingerprints(prompt) == {"1": {"class_type": "LoadImage", "inputs": {"image": "me.png"}}}


def test_what_cannot_be_written_leaves_nothing_and_transparency_is_kept(image, tmp_path):
    clear = torch.cat([image, torch.zeros_like(image[..., :1])], -1)
    with pytest.raises(OutputError, match="transparency"):
        saved(clear, tmp_path, kind="jpeg")
    assert not list(tmp_path.iterdir())
    (name, _) = saved(clear, tmp_path)
    with Image.open(tmp_path / name) as file:
        assert file.mode == "RGBA" and file.getchannel("A").getextrema() == (0, 0)
