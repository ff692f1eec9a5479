"""CLIP's direction of change, on a tiny random model of the real class."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F
from tiny_clip import SIDE, save_clip, tiny_clip
from tiny_pipelines import tokenizer

from faceveil.core.errors import ModelError
from faceveil.core.perception.clip import Clip, Direction


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip"), image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.3, 0.4])


@pytest.fixture(scope="module")
def clip(folder):
    return Clip.load(folder)


def pictures(count: int = 2, side: int = SIDE, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_pictures_and_texts_are_embedded_as_the_model_itself_does(clip):
    image, model = pictures(), tiny_clip()
    mean, spread = (torch.tensor(v).view(3, 1, 1) for v in ([0.5, 0.4, 0.3], [0.2, 0.3, 0.4]))
    tokens = tokenizer()(["a person wearing red"], return_tensors="pt")
    with torch.no_grad():
        whole = model(tokens["input_ids"], (image - mean) / spread, tokens["attention_mask"])
    assert torch.allclose(clip.see(image), whole.image_embeds, atol=1e-6)
    assert torch.allclose(clip.read("a person wearing red"), whole.text_embeds[0], atol=1e-6)


def test_without_settings_of_its_own_a_folder_takes_those_of_clip(folder, tmp_path):
    plain = Clip.load(save_clip(tmp_path))
    assert plain.mean.flatten().tolist() == pytest.approx([0.4815, 0.4578, 0.4082], abs=1e-4)
    assert plain.size == SIDE


def test_the_way_the_text_went_is_0_away_from_it_2_and_rest_1(clip):
    term = Direction(clip, "a person wearing red", "a person")
    # Embeddings of its own instead of pictures: what is tested is the direction.
    start = F.normalize(torch.randn(1, 12, generator=torch.Generator().manual_seed(1)), dim=-1)
    term.clip = type("Straight", (), {"see": staticmethod(lambda image: image)})
    values = [float(term(start + by * term.wanted, start)) for by in (50.0, -50.0, 0.0)]
    assert values == pytest.approx([0, 2, 1], abs=1e-5)


def test_descending_leads_pictures_towards_the_text(clip):
    term, clean = Direction(clip, "a person wearing red", "a person"), pictures(2, 32)
    changed = clean.clone().requires_grad_()
    optimiser, before = torch.optim.Adam([changed], lr=0.02), term(clean, clean)
    for _ in range(25):
        optimiser.zero_grad()
        term(changed, clean).sum().backward()
        assert torch.isfinite(changed.grad).all()
        optimiser.step()
    assert torch.allclose(before, torch.ones(2)) and float(term(changed, clean).detach().max()) < 0.5


def test_gradients_agree_with_finite_differences(folder):
    clip = Clip.load(folder)
    clip.model.double()
    clip.mean, clip.spread = clip.mean.double(), clip.spread.double()
    term, clean = Direction(clip, "red hair", "a person"), pictures(1, 20).double()
    changed = (clean + 0.1 * pictures(1, 20, seed=3).double()).requires_grad_()
    way = torch.randn(clean.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    (gradient,) = torch.autograd.grad(term(changed, clean).sum(), changed)
    with torch.no_grad():
        up, down = (float(term(changed + step * way, clean)) for step in (1e-5, -1e-5))
    assert float((gradient * way).sum()) == pytest.approx((up - down) / 2e-5, rel=1e-5)


def test_words_that_say_nothing_are_refused(clip):
    with pytest.raises(ModelError, match="says the same as 'a person'"):
        Direction(clip, "a person", "a person")


def test_folders_that_hold_no_clip_are_refused(folder, tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        Clip.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="no CLIP"):
        Clip.load(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(ModelError, match="could not be read"):
        Clip.load(tmp_path)
