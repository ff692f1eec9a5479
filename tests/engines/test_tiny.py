"""Tiny autoencoders: the file layout everyone uses, found by name or path, refused when it is something else."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from faceveil.core.engines.tiny import TinyAutoencoder, load_tiny
from faceveil.core.errors import ModelError
from faceveil.core.images import read_photo, to_bchw
from faceveil.core.perception.ssim import psnr


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_MODELS", str(tmp_path))
    (tmp_path / "vae_approx").mkdir()
    return tmp_path / "vae_approx"


def save(folder, name: str, channels: int) -> None:
    torch.manual_seed(0)
    model = TinyAutoencoder(name, channels)
    save_file(model.encoder.state_dict(), folder / f"{name}_encoder.safetensors")
    save_file(model.decoder.state_dict(), folder / f"{name}_decoder.safetensors")


@pytest.mark.parametrize("channels", [4, 16])
def test_loads_by_name_and_by_either_path(folder, channels):
    save(folder, "taeany", channels)
    for name in ("taeany", str(folder / "taeany_encoder.safetensors"), str(folder / "taeany_decoder.safetensors")):
        model = load_tiny(name)
        latent = model.encode(torch.rand(2, 3, 64, 48))
        assert model.name == "taeany" and latent.shape == (2, channels, 8, 6)
        assert model.decode(latent).shape == (2, 3, 64, 48)


def test_layout_is_the_published_one():
    """Layer numbers are part of the file format: convolution 0, three halvings, and so on."""
    model = TinyAutoencoder("x", 4)
    assert [n for n in model.encoder.state_dict() if n.count(".") == 1 and n.endswith("weight")] == [
        f"{i}.weight" for i in (0, 2, 6, 10, 14)
    ]
    assert [n for n in model.decoder.state_dict() if n.count(".") == 1 and n.endswith("weight")] == [
        f"{i}.weight" for i in (1, 7, 12, 17, 19)
    ]
    assert len(model.encoder.state_dict()) == len(model.decoder.state_dict()) == 67


def test_decoding_is_differentiable(folder):
    save(folder, "taeany", 4)
    latent = torch.randn(1, 4, 4, 4, requires_grad=True)
    load_tiny("taeany").decode(latent).sum().backward()
    assert latent.grad.abs().max() > 0


def test_missing_and_damaged_files_are_explained(folder):
    with pytest.raises(ModelError, match=r"put taeany_encoder\.safetensors and .* into .*vae_approx"):
        load_tiny("taeany")
    save(folder, "taeany", 4)
    (folder / "taeany_decoder.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="damaged"):
        load_tiny("taeany")


@pytest.mark.parametrize("name", ["taesd", "taesdxl", "taesd3", "taef1"])
def test_real_ones_return_the_portrait(name, shared_recognisers, examples):
    model = load_tiny(str(shared_recognisers.parent / "vae_approx" / f"{name}_decoder.safetensors"))
    face = to_bchw(read_photo(examples / "portrait.png").pixels)[..., 40:200, 150:310]
    with torch.no_grad():
        assert float(psnr(model.decode(model.encode(face)).clamp(0, 1), face)) > 23
