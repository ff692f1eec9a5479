"""Whether a picture changed in the direction in which a text did, by CLIP.

transformers is imported when a model is read, and nothing is ever downloaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ModelError
from ..plain import first_line

_MEAN, _SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Mean and deviation of the pictures that CLIP was trained on; a model's folder may say otherwise."""
_REST = 0.05
"""Pictures nearer to each other than this have hardly changed in any direction (unit embeddings)."""


@dataclass
class Clip:
    """Pictures and texts as unit embeddings of one space."""

    model: Any
    tokenizer: Any
    mean: Tensor
    spread: Tensor
    size: int

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Clip:
        """From a folder in transformers' layout, safetensors only."""
        try:
            from transformers import AutoTokenizer, CLIPModel
        except ImportError as error:
            raise ModelError("CLIP needs one more package: pip install transformers") from error
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder} holds no CLIP model: there is no config.json in it.")
        try:
            if json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type") != "clip":
                raise ModelError(f"{folder} holds a model that is no CLIP: name the folder of a whole CLIP model.")
            model: Any = CLIPModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            known = folder / "preprocessor_config.json"
            config = json.loads(known.read_text(encoding="utf-8")) if known.is_file() else {}
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(f"The CLIP model in {folder} could not be read: {first_line(error)}") from error
        mean, spread = (
            torch.tensor(config.get(key, usual), device=device).view(3, 1, 1)
            for key, usual in (("image_mean", _MEAN), ("image_std", _SPREAD))
        )
        model.to(device, torch.float32).eval().requires_grad_(False)
        return cls(model, tokenizer, mean, spread, model.config.vision_config.image_size)

    def see(self, image: Tensor) -> Tensor:
        """Pictures (A, 3, H, W) in [0, 1] as (A, dim); differentiable."""
        small = F.interpolate(image, (self.size, self.size), mode="bicubic", antialias=True, align_corners=False)
        seen = self.model.vision_model(pixel_values=(small - self.mean) / self.spread).pooler_output
        return F.normalize(self.model.visual_projection(seen), dim=-1)

    @torch.no_grad()
    def read(self, text: str) -> Tensor:
        """A text as (dim,)."""
        tokens = self.tokenizer([text], return_tensors="pt", truncation=True).to(self.mean.device)
        pooled = self.model.text_model(tokens["input_ids"], attention_mask=tokens["attention_mask"]).pooler_output
        return F.normalize(self.model.text_projection(pooled)[0], dim=-1)


class Direction:
    """1 - the cosine between what changed in a picture and what changed in a text: 0 is all that was asked for."""

    def __init__(self, clip: Clip, target: str, source: str) -> None:
        self.clip = clip
        difference = clip.read(target) - clip.read(source)
        if float(difference.norm()) < 1e-4:
            raise ModelError(f"To this CLIP model '{target}' says the same as '{source}'. Choose other words.")
        self.wanted = F.normalize(difference, dim=0)

    def __call__(self, changed: Tensor, clean: Tensor) -> Tensor:
        with torch.no_grad():
            before = self.clip.see(clean)
        moved = self.clip.see(changed) - before
        # At rest there is no direction yet: a change counts from a certain size on, and the gradient stays finite.
        return 1 - moved @ self.wanted / (moved.square().sum(-1) + _REST**2).sqrt()
