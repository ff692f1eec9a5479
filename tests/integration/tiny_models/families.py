"""Small random models of ComfyUI's real classes: what their loaders make of a checkpoint, with fewer and thinner
layers. A family that this version of ComfyUI has not is left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import comfy.ldm.flux.model
import comfy.supported_models

UNET = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 32,
    "num_res_blocks": [1, 1],
    "transformer_depth": [1, 1],
    "transformer_depth_output": [1, 1, 1, 1],
    "transformer_depth_middle": 1,
    "channel_mult": [1, 2],
    "context_dim": 32,
    "use_spatial_transformer": True,
    "legacy": False,
    "use_temporal_attention": False,
}
FLUX = {
    "image_model": "flux",
    "guidance_embed": True,
    "axes_dim": [4, 6, 6],
    "num_heads": 4,
    "mlp_ratio": 2.0,
    "theta": 10000,
    "in_channels": 16,
    "out_channels": 16,
    "qkv_bias": True,
    "hidden_size": 64,
    "context_in_dim": 32,
    "patch_size": 2,
    "vec_in_dim": 24,
    "depth": 2,
    "depth_single_blocks": 2,
}
if "txt_ids_dims" in comfy.ldm.flux.model.FluxParams.__dataclass_fields__:
    FLUX["txt_ids_dims"] = []
FLUX2 = {
    **FLUX,
    "image_model": "flux2",
    "guidance_embed": False,
    "axes_dim": [4, 4, 4, 4],
    "mlp_ratio": 3.0,
    "theta": 2000,
    "in_channels": 128,
    "out_channels": 128,
    "global_modulation": True,
    "mlp_silu_act": True,
    "qkv_bias": False,
    "ops_bias": False,
    "default_ref_method": "index",
    "ref_index_scale": 10.0,
    "txt_ids_dims": [3],
    "patch_size": 1,
    "vec_in_dim": None,
}
CHROMA = {
    **FLUX,
    "image_model": "chroma",
    "in_channels": 64,
    "out_channels": 64,
    "in_dim": 64,
    "out_dim": 64,
    "hidden_dim": 64,
    "n_layers": 2,
    "txt_ids_dims": [],
    "vec_in_dim": None,
}
del CHROMA["guidance_embed"]
SD3 = {
    "input_size": None,
    "in_channels": 16,
    "patch_size": 2,
    "out_channels": 16,
    "depth": 2,
    "adm_in_channels": 24,
    "context_size": 32,
    "context_embedder_config": {
        "target": "torch.nn.Linear",
        "params": {"in_features": 32, "out_features": 128},
    },
    "num_patches": 192 * 192,
    "pos_embed_max_size": 192,
    "pos_embed_scaling_factor": None,
    "qk_norm": "rms",
    "x_block_self_attn_layers": [0],
}
LUMINA = {
    "image_model": "lumina2",
    "patch_size": 2,
    "in_channels": 16,
    "dim": 64,
    "cap_feat_dim": 32,
    "n_layers": 2,
    "n_refiner_layers": 1,
    "qk_norm": True,
    "n_heads": 4,
    "n_kv_heads": 2,
    "axes_dims": [4, 6, 6],
    "axes_lens": [300, 512, 512],
    "ffn_dim_multiplier": 4.0,
}
ZIMAGE = {
    **LUMINA,
    "dim": 256,
    "n_heads": 8,
    "n_kv_heads": 8,
    "axes_dims": [8, 12, 12],
    "axes_lens": [1536, 512, 512],
    "rope_theta": 256.0,
    "ffn_dim_multiplier": 8 / 3,
    "z_image_modulation": True,
    "time_scale": 1000.0,
    "pad_tokens_multiple": 32,
}
HIDREAM = {
    "image_model": "hidream",
    "attention_head_dim": 16,
    "axes_dims_rope": [8, 4, 4],
    "caption_channels": [32, 32],
    "max_resolution": [128, 128],
    "in_channels": 16,
    "llama_layers": [0, 1, 1, 1],
    "num_attention_heads": 4,
    "num_routed_experts": 4,
    "num_activated_experts": 2,
    "num_layers": 2,
    "num_single_layers": 2,
    "out_channels": 16,
    "patch_size": 2,
    "text_emb_dim": 24,
}
OMNIGEN = {
    "image_model": "omnigen2",
    "axes_dim_rope": [8, 4, 4],
    "axes_lens": [1024, 1664, 1664],
    "hidden_size": 64,
    "in_channels": 16,
    "multiple_of": 32,
    "num_attention_heads": 4,
    "num_kv_heads": 2,
    "num_layers": 2,
    "num_refiner_layers": 1,
    "patch_size": 2,
    "text_feat_dim": 32,
    "timestep_scale": 1000.0,
}
QWEN = {
    "image_model": "qwen_image",
    "in_channels": 64,
    "out_channels": 16,
    "num_layers": 2,
    "attention_head_dim": 16,
    "num_attention_heads": 4,
    "joint_attention_dim": 32,
    "pooled_projection_dim": 24,
    "axes_dims_rope": (4, 6, 6),
}
WAN = {
    "image_model": "wan2.1",
    "model_type": "t2v",
    "dim": 96,
    "out_dim": 16,
    "num_heads": 4,
    "ffn_dim": 128,
    "num_layers": 2,
    "patch_size": (1, 2, 2),
    "freq_dim": 32,
    "text_dim": 32,
    "text_len": 16,
    "window_size": (-1, -1),
    "qk_norm": True,
    "cross_attn_norm": True,
    "eps": 1e-6,
    "in_dim": 16,
}
FLUX2_VAE = {
    "double_z": True,
    "z_channels": 32,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 32,
    "ch_mult": [1, 1, 1, 1],
    "num_res_blocks": 1,
    "attn_resolutions": [],
    "dropout": 0.0,
    "batch_norm_latent": True,
}


@dataclass(frozen=True)
class Family:
    """How one is built, and what its prompts are like."""

    config: str
    """Its class in comfy.supported_models."""
    sizes: dict[str, Any]
    vae: str = "16"
    """ "4" or "16" channels, "flux2", or "video" for one with a time axis."""
    pooled: int = 24
    tokens: int = 12
    """How long its prompts are; FLUX.2 fills up shorter ones."""
    text: dict[str, Any] = field(default_factory=dict)
    """What its prompts hold besides: shapes of random tensors."""
    masked: bool = False
    """Whether its prompts say which of their tokens count."""


ALL = {
    "sd15": Family("SD15", {**UNET, "use_linear_in_transformer": False, "adm_in_channels": None}, "4", 768),
    "sdxl": Family(
        "SDXL",
        {
            **UNET,
            "use_linear_in_transformer": True,
            "model_channels": 64,
            "num_classes": "sequential",
            "adm_in_channels": 2816,
        },
        "4",
        1280,
    ),
    "sd35": Family("SD3", SD3),
    "flux": Family("Flux", FLUX),
    "schnell": Family("FluxSchnell", {**FLUX, "guidance_embed": False}),
    "fill": Family("FluxInpaint", {**FLUX, "in_channels": 96}),
    "flux2": Family("Flux2", FLUX2, "flux2", tokens=512),
    "chroma": Family("Chroma", CHROMA),
    "qwen": Family("QwenImage", QWEN, "video"),
    "zimage": Family("ZImage", ZIMAGE),
    "lumina": Family("Lumina2", LUMINA),
    "hidream": Family("HiDream", HIDREAM, text={"conditioning_llama3": (1, 2, 12, 32)}),
    "omnigen": Family("Omnigen2", OMNIGEN, masked=True),
    "wan": Family("WAN21_T2V", WAN, "video"),
}
HERE = {name: family for name, family in ALL.items() if hasattr(comfy.supported_models, family.config)}
