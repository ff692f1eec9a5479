"""Real diffusers pipelines, a few layers deep, with random weights: everything but the knowledge."""

from __future__ import annotations

import diffusers
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ["[PAD]", "[UNK]", "[END]", "a", "person", "red", "hair", "wearing", "blue", "light"]
TOKENS = 8


def tokenizer() -> transformers.PreTrainedTokenizerFast:
    """One token a word."""
    made = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(single="$A [END]", special_tokens=[("[END]", 2)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", eos_token="[END]", model_max_length=TOKENS
    )


def clip_text(projected: bool = False, size: int = 32):
    config = transformers.CLIPTextConfig(
        vocab_size=len(WORDS),
        hidden_size=size,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=TOKENS,
        projection_dim=size,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return (transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel)(config).eval()


def t5(size: int = 32):
    config = transformers.T5Config(
        vocab_size=len(WORDS), d_model=size, d_ff=37, d_kv=8, num_layers=2, num_heads=4, decoder_start_token_id=0
    )
    return transformers.T5EncoderModel(config).eval()


def vae(channels: int = 4, **more: object) -> diffusers.AutoencoderKL:
    return diffusers.AutoencoderKL(
        block_out_channels=[8, 16],
        norm_num_groups=4,
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=channels,
        **more,
    ).eval()


def unet(cross: int = 32, channels: int = 4, **more: object) -> diffusers.UNet2DConditionModel:
    return diffusers.UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=8,
        in_channels=channels,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=cross,
        attention_head_dim=4,
        **more,
    ).eval()


def ddim(**more: object) -> diffusers.DDIMScheduler:
    """Stable Diffusion's own levels of noise."""
    settings = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False}
    return diffusers.DDIMScheduler(**{**settings, "set_alpha_to_one": True, "steps_offset": 1, **more})


def sd(channels: int = 4, **scheduler: object) -> diffusers.StableDiffusionPipeline:
    torch.manual_seed(0)
    return diffusers.StableDiffusionPipeline(
        vae=vae(scaling_factor=0.18215),
        text_encoder=clip_text(),
        tokenizer=tokenizer(),
        unet=unet(channels=channels),
        scheduler=ddim(**scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl() -> diffusers.StableDiffusionXLPipeline:
    torch.manual_seed(1)
    return diffusers.StableDiffusionXLPipeline(
        vae=vae(scaling_factor=0.13, force_upcast=True),
        text_encoder=clip_text(),
        tokenizer=tokenizer(),
        text_encoder_2=clip_text(projected=True),
        tokenizer_2=tokenizer(),
        unet=unet(
            cross=64,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=32 + 6 * 8,
        ),
        scheduler=ddim(),
        add_watermarker=False,
    )


def sd3() -> diffusers.StableDiffusion3Pipeline:
    torch.manual_seed(2)
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=8,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=64,
        pooled_projection_dim=64,
        out_channels=8,
    ).eval()
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(8, scaling_factor=1.5305, shift_factor=0.0609),
        text_encoder=clip_text(projected=True),
        tokenizer=tokenizer(),
        text_encoder_2=clip_text(projected=True),
        tokenizer_2=tokenizer(),
        text_encoder_3=t5(64),
        tokenizer_3=tokenizer(),
    )


def flux(guided: bool = True, shifted: bool = True, transformer=None) -> diffusers.FluxPipeline:
    """Like dev; unguided and unshifted, like schnell."""
    torch.manual_seed(3)
    transformer = transformer or diffusers.FluxTransformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        guidance_embeds=guided,
        axes_dims_rope=(4, 4, 8),
    )
    return diffusers.FluxPipeline(
        transformer=transformer.eval(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(
            shift=3.0 if shifted else 1.0, use_dynamic_shifting=shifted
        ),
        vae=vae(transformer.config.in_channels // 4, scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=clip_text(),
        tokenizer=tokenizer(),
        text_encoder_2=t5(),
        tokenizer_2=tokenizer(),
    )
