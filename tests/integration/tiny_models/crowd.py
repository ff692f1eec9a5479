"""Nodes for the tests alone: what nodes of other packs want, where nobody has the weights for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import comfy.clip_vision
import comfy.supported_models
import folder_paths
import torch
from torch import nn

from .building import spread
from .families import FLUX

WIDTH = 32
"""Of a token, in every small model."""


def insides(**widths: int) -> dict[str, torch.Tensor]:
    """Keys and values of so many channels for each numbered place where an adapter attends, as its files name them."""
    draw = torch.Generator().manual_seed(0)
    return {
        f"{place[1:]}.to_{part}_ip.weight": torch.randn(width, WIDTH, generator=draw) / WIDTH**0.5
        for place, width in widths.items()
        for part in "kv"
    }


class Drawn:
    """A detector of the Impact Pack that finds what a mask shows."""

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def setAux(self, words: Any) -> None:
        """The Impact Pack tells detectors by words what to look for."""

    def detect(
        self, image: Any, threshold: float, dilation: int, crop: float, drop: int, detailer_hook: Any = None
    ) -> Any:
        return sys.modules["impact.core"].mask_to_segs(self.mask, False, crop, True, drop, is_contour=False)


class TinyDetector:
    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("BBOX_DETECTOR", "CLIP")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"mask": ("MASK",)}}

    def make(self, mask: Any) -> tuple[Any, Any]:
        """And a text encoder that nobody asks: prompts are made elsewhere."""
        return Drawn(mask), object()


class TinyIPAdapter:
    """What IPAdapter's loaders give, for the small SD 1.5: it attends in two places of it."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("IPADAPTER", "CLIP_VISION")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {}}

    def make(self) -> tuple[Any, Any]:
        sizes = {"hidden_size": WIDTH, "intermediate_size": WIDTH, "projection_dim": WIDTH, "num_hidden_layers": 2}
        sizes |= {"num_attention_heads": 2, "image_size": 224, "patch_size": 32, "num_channels": 3}
        kind = {"model_type": "clip_vision_model", "hidden_act": "quick_gelu"}
        seen = comfy.clip_vision.ClipVisionModel({**sizes, **kind})
        spread(seen.model, 1.0)
        tokens = nn.ModuleDict({"proj": nn.Linear(WIDTH, 4 * WIDTH), "norm": nn.LayerNorm(WIDTH)})
        return {"image_proj": spread(tokens, 1.0).state_dict(), "ip_adapter": insides(_1=32, _13=32)}, seen


class Analysed:
    """A FaceAnalysis of insightface's that finds the same face in every picture."""

    def __init__(self) -> None:
        self.det_model = self

    def get(self, picture: Any) -> list[dict[str, Any]]:
        draw = torch.Generator().manual_seed(0)
        return [{"bbox": [0, 0, *picture.shape[1::-1]], "embedding": torch.randn(512, generator=draw).numpy()}]


class Identity(nn.Module):
    """InstantID's network, with a projection in place of its resampler of 300 MB."""

    def __init__(self) -> None:
        super().__init__()
        self.project = spread(nn.Linear(512, 4 * WIDTH), 1.0)
        pack = next(module for name, module in sys.modules.items() if name.endswith("ComfyUI_InstantID.InstantID"))
        # The places at which the pack counts the small SDXL's layers.
        self.ip_layers = pack.To_KV(insides(_49=128, _69=128, _89=64, _109=64, _121=128))

    def get_image_embeds(self, *known: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.project(each).reshape(len(each), 4, WIDTH) for each in known)


class TinyInstantID:
    """What InstantID's loaders give, for the small SDXL."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "make", ("INSTANTID", "FACEANALYSIS")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {}}

    def make(self) -> tuple[Any, Any]:
        return Identity(), Analysed()


class TinyGguf:
    """Writes a small FLUX.1 whose sizes ComfyUI can tell from its weights, in blocks of eight bits."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "tests", "write", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"name": ("STRING",)}}

    def write(self, name: str) -> dict[str, Any]:
        import gguf

        # ComfyUI tells this class by heads of 128 channels.
        sizes = {**FLUX, "hidden_size": 128, "num_heads": 1, "axes_dim": [16, 56, 56], "mlp_ratio": 4.0}
        network = comfy.supported_models.Flux(sizes).get_model({}, "").diffusion_model
        weights, q8 = spread(network, 0.7).float().state_dict(), gguf.GGMLQuantizationType.Q8_0
        folder = Path(folder_paths.get_folder_paths("unet_gguf")[0])
        folder.mkdir(parents=True, exist_ok=True)
        file = gguf.GGUFWriter(folder / name, "flux")
        for key, weight in weights.items():
            whole = weight.ndim < 2 or weight.shape[-1] % 32
            values = weight.numpy() if whole else gguf.quants.quantize(weight.numpy(), q8)
            file.add_tensor(key, values, raw_dtype=None if whole else q8)
        file.write_header_to_file()
        file.write_kv_data_to_file()
        file.write_tensors_to_file()
        file.close()
        return {"ui": {"text": [str(len(weights))]}}


NODE_CLASS_MAPPINGS = {
    "TinyDetector": TinyDetector,
    "TinyIPAdapter": TinyIPAdapter,
    "TinyInstantID": TinyInstantID,
    "TinyGguf": TinyGguf,
}
