"""Networks that measure visibility, with weights that mean nothing, where a machine would have the real ones."""

from __future__ import annotations

import torch

from faceveil.core.perception import backbones


def random_backbone(net: str) -> dict[str, torch.Tensor]:
    """A state dict in torchvision's layout with random weights."""
    generator, state, channels, index = torch.Generator().manual_seed(0), {}, 3, 0
    for layer in backbones.PLANS[net].layers:
        if isinstance(layer, str):
            index += layer == "M"
            continue
        kernel, _, _, out = layer
        scale = (2 / (channels * kernel * kernel)) ** 0.5
        state[f"features.{index}.weight"] = torch.randn(out, channels, kernel, kernel, generator=generator) * scale
        state[f"features.{index}.bias"] = torch.randn(out, generator=generator) * 0.1
        channels, index = out, index + 2
    return state


def only_in_the_hub(folder, monkeypatch) -> None:
    """A machine that has backbones in torch's hub cache, which is this folder, and nowhere else."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder))
    monkeypatch.setattr(backbones, "model_folders", lambda kind: [])


def put_into_the_hub(net: str, folder) -> str:
    name = {"alex": "alexnet-owt-0.pth", "vgg": "vgg16-0.pth"}[net]
    (folder / "checkpoints").mkdir(exist_ok=True)
    torch.save(random_backbone(net), folder / "checkpoints" / name)
    return net
