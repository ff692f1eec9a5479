"""A real CLIP with random weights, small enough for finite differences, in transformers' layout."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import transformers
from tiny_pipelines import TOKENS, WORDS, tokenizer

SIDE = 16


def tiny_clip() -> transformers.CLIPModel:
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2, "num_hidden_layers": 1}
    text = {**small, "vocab_size": len(WORDS), "max_position_embeddings": TOKENS}
    text |= {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    vision = {**small, "image_size": SIDE, "patch_size": 4}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)
    model = transformers.CLIPModel(config).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)  # Loud enough that pictures differ.
    return model


def save_clip(folder: Path, **preprocessing: object) -> Path:
    tiny_clip().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    if preprocessing:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing))
    return folder
