"""Which part of the face a sentence is about when none of its words names one, by a small text model on this machine.

Any sentence-transformers model with mean pooling will do (all-MiniLM-L6-v2 is 90 MB). None comes with the package:
one is used when its folder is named, or lies among the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, ModelError
from ..model_files.places import model_folders
from .named import REGIONS, named_regions, regions_in

KIND = "sentences"
DESCRIPTIONS: dict[str, str] = {
    "beard": "a beard, moustache or shaved face",
    "face shape": "a rounder, slimmer or wider face",
    "chin": "the chin and jaw",
    "skin": "smooth, tanned or freckled skin",
    "hair": "hair, curls or a haircut",
    "hairline": "the hairline, going bald",
    "forehead": "the forehead",
    "bangs": "bangs or a fringe over the forehead",
    "mouth": "the mouth and teeth",
    "lips": "lips and lipstick",
    "nose": "the nose",
    "eyebrows": "eyebrows",
    "eyeshadow": "eyeshadow, mascara and eyelids",
    "pupils": "the colour of the iris and pupils",
    "eyes": "the eyes and where they look",
    "makeup": "makeup and cosmetics",
    "cheeks": "rosy cheeks and blush",
    "expression": "smiling, laughing or looking sad: the expression",
    "eyeglasses": "glasses and sunglasses",
}
"""What each region is compared by."""
LEAST = 0.35
"""Below this cosine a sentence is about something else."""


class Sentences:
    """A text model that compares sentences by their meaning."""

    def __init__(self, tokenizer: Any, model: Any, name: str) -> None:
        self.tokenizer, self.model, self.name = tokenizer, model.eval(), name

    @classmethod
    def load(cls, folder: Path) -> Sentences:
        """From a folder in transformers' layout; nothing is downloaded."""
        try:
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging
        except ImportError as error:
            raise ModelError(
                "Comparing sentences needs the Python package 'transformers', which is not installed: install it, or "
                "name a part of the face."
            ) from error
        logging.disable_progress_bar()
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        except Exception as error:  # transformers lets out many kinds for a folder it cannot use
            raise ModelError(
                f"{folder} holds no text model that can be read. Name a folder with config.json, model.safetensors and "
                "a tokenizer."
            ) from error
        return cls(tokenizer, model, folder.name)

    @torch.no_grad()
    def embed(self, sentences: Sequence[str]) -> Tensor:
        """Unit vectors (N, size): the mean over each sentence's tokens."""
        read = self.tokenizer(list(sentences), padding=True, truncation=True, max_length=128, return_tensors="pt")
        made = self.model(**read).last_hidden_state
        spoken = read["attention_mask"][..., None].to(made)
        return torch.nn.functional.normalize((made * spoken).sum(1) / spoken.sum(1), dim=1)

    def likeness(self, prompt: str) -> dict[str, float]:
        """The cosine of the prompt with each region's description."""
        vectors = self.embed([prompt, *DESCRIPTIONS.values()])
        return dict(zip(DESCRIPTIONS, (vectors[1:] @ vectors[0]).tolist(), strict=True))


def sentence_model(folder: Path | None = None) -> Sentences | None:
    """The model in `folder`, or else the first among the models, or None."""
    if folder is not None:
        return Sentences.load(folder)
    found = (config.parent for place in model_folders(KIND) for config in sorted(place.glob("*/config.json")))
    first = next(found, None)
    return None if first is None else Sentences.load(first)


def regions_for(prompt: str, model: Sentences | None = None) -> list[str]:
    """The regions that the prompt's words name, or the one whose description means most the same."""
    if regions_in(prompt) or model is None:
        return named_regions(prompt)
    likeness = model.likeness(prompt)
    best = max(likeness, key=likeness.__getitem__)
    if likeness[best] < LEAST:
        raise InputError(
            f"'{prompt}' is not about a part of the face, neither by its words nor by what they mean to the text "
            f"model {model.name}. Name one ({', '.join(REGIONS)}), or give a mask."
        )
    return [best]
