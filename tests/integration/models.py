"""Prompts in which small random models of ComfyUI's own classes go through the nodes that take a model."""

from __future__ import annotations

import numpy as np

from .comfy import Comfy
from .test_nodes import load, node, save

KONTEXT, EDIT, FILL = "kontext", "qwen edit", "fill"
"""Models that are told of another picture: in reference latents, or beside the noise."""
CLASSES = {KONTEXT: "flux", EDIT: "qwen"}
SIZE = 128


def tiny(kind: str, picture: str, storage: str = "fp32", lora: bool = False, batch: int = 1) -> dict[str, dict]:
    """A model, its VAE, two prompts, sigmas, a picture and its latent."""
    prompt = {
        "tiny": node("TinyModel", family=CLASSES.get(kind, kind), storage=storage),
        **prompt_of(kind, "nothing", 1),
        **prompt_of(kind, "words", 2),
        "load": load(picture),
        "small": node(
            "ImageScale", image=["load", 0], upscale_method="bicubic", width=SIZE, height=SIZE, crop="disabled"
        ),
        "image": node("RepeatImageBatch", image=["small", 0], amount=batch),
        "latent": node("VAEEncode", pixels=["image", 0], vae=["tiny", 1]),
        "model": node("LoraLoaderModelOnly", model=["tiny", 0], lora_name=f"{kind}.safetensors", strength_model=1.0),
        "sigmas": node("BasicScheduler", model=["model", 0], scheduler="simple", steps=5, denoise=0.8),
    }
    if kind == FILL:
        prompt["half"] = node("SolidMask", value=1.0, width=SIZE, height=SIZE)
    if not lora and kind in ("sd15", "sdxl"):
        prompt["model"] = node("ModelSamplingDiscrete", model=["tiny", 0], sampling="eps", zsnr=False)
    elif not lora:
        prompt["model"] = node("ModelSamplingAuraFlow", model=["tiny", 0], shift=1.15)
    return prompt


def prompt_of(kind: str, name: str, seed: int) -> dict[str, dict]:
    """A prompt, with the picture that some models are told of."""
    text = node("TinyPrompt", family=CLASSES.get(kind, kind), seed=seed)
    bare = f"{name} alone"
    if kind in (KONTEXT, EDIT):
        return {bare: text, name: node("ReferenceLatent", conditioning=[bare, 0], latent=["latent", 0])}
    if kind == FILL:
        given = {"positive": [bare, 0], "negative": [bare, 0], "vae": ["tiny", 1], "pixels": ["image", 0]}
        return {bare: text, name: node("InpaintModelConditioning", **given, mask=["half", 0], noise_mask=False)}
    return {name: text}


def inverted(kind: str, picture: str, **settings: object) -> dict[str, dict]:
    return {
        **tiny(kind, picture, **settings),
        "invert": node(
            "FaceVeilInvert",
            model=["model", 0],
            latent=["latent", 0],
            prompt=["nothing", 0],
            sigmas=["sigmas", 0],
            solver="euler",
        ),
    }


def learned(kind: str, picture: str, iterations: int = 3, **settings: object) -> dict[str, dict]:
    """Up to noise, embeddings for two steps, and down again with the guider that was learned."""
    return {
        **inverted(kind, picture, **settings),
        "learn": node(
            "FaceVeilLearn",
            model=["model", 0],
            trajectory=["invert", 2],
            last=2,
            iterations=iterations,
            rate=0.03,
            cfg=1.0,
        ),
        "euler": node("KSamplerSelect", sampler_name="euler"),
        "back": node(
            "SamplerCustomAdvanced",
            noise=["invert", 1],
            guider=["learn", 0],
            sampler=["euler", 0],
            sigmas=["sigmas", 0],
            latent_image=["latent", 0],
        ),
        "there": node("VAEDecode", samples=["back", 0], vae=["tiny", 1]),
        "before": node("VAEDecode", samples=["latent", 0], vae=["tiny", 1]),
        "reached": save(["there", 0]),
        "known": save(["before", 0]),
    }


def optimised(kind: str, picture: str, iterations: int = 2, **settings: object) -> dict[str, dict]:
    """Weakened purification, whole."""
    prompt = learned(kind, picture, **settings)
    for name in ("euler", "back", "there", "reached"):
        del prompt[name]
    return {
        **prompt,
        "optimise": node(
            "FaceVeilLatentOptimizer",
            latent=["latent", 0],
            vae=["tiny", 1],
            iterations=iterations,
            rate=0.05,
            seed=0,
            original=["image", 0],
            model=["model", 0],
            trajectory=["learn", 1],
        ),
        "after": node("VAEDecode", samples=["optimise", 0], vae=["tiny", 1]),
        "moved": save(["after", 0]),
    }


def edited(kind: str, picture: str, **settings: object) -> dict[str, dict]:
    """An edit of part of the picture, protected on the way."""
    return {
        **tiny(kind, picture, **settings),
        "mask": node(
            "FaceVeilEditRegion", image=["image", 0], words="lips", region="lips", faces="largest", softness=0.5
        ),
        "dlib": node("FaceVeilLoadRecogniser", recogniser="dlib"),
        "edit": node(
            "FaceVeilTrajectoryEditor",
            model=["model", 0],
            vae=["tiny", 1],
            image=["image", 0],
            mask=["mask", 0],
            source=["nothing", 0],
            target=["words", 0],
            sigmas=["sigmas", 0],
            editor="invert",
            solver="reuse",
            cfg=2.0,
            hold=0.8,
            size=SIZE,
            seed=0,
            negative=["nothing", 0],
            recognisers=["dlib", 0],
        ),
        "protected": save(["edit", 0]),
        "edited": save(["edit", 1]),
        "small picture": save(["image", 0]),
    }


def guarded(kind: str, picture: str, masked: bool = False, **settings: object) -> dict[str, dict]:
    """Img2img, protected while it is sampled; inpainting when masked."""
    prompt = {
        **tiny(kind, picture, **settings),
        "few": node("BasicScheduler", model=["model", 0], scheduler="simple", steps=3, denoise=0.3),
        "noise": node("RandomNoise", noise_seed=1),
        "guider": node("BasicGuider", model=["model", 0], conditioning=["nothing", 0]),
        "euler": node("KSamplerSelect", sampler_name="euler"),
        "guard": node(
            "FaceVeilGuardedSampler",
            sampler=["euler", 0],
            vae=["tiny", 1],
            share=0.4,
            iterations=2,
            original=["image", 0],
        ),
        "half": node("SolidMask", value=1.0, width=SIZE, height=SIZE // 2),
        "where": node(
            "MaskComposite",
            destination=["empty", 0],
            source=["half", 0],
            x=0,
            y=0,
            operation="add",
        ),
        "empty": node("SolidMask", value=0.0, width=SIZE, height=SIZE),
        "inpaint": node("SetLatentNoiseMask", samples=["latent", 0], mask=["where", 0]),
        "sample": node(
            "SamplerCustomAdvanced",
            noise=["noise", 0],
            guider=["guider", 0],
            sampler=["guard", 0],
            sigmas=["few", 0],
            latent_image=["inpaint" if masked else "latent", 0],
        ),
        "decode": node("VAEDecode", samples=["sample", 0], vae=["tiny", 1]),
        "picture": save(["decode", 0]),
    }
    return prompt


def sampled(kind: str, picture: str, storage: str = "fp32", lora: bool = False) -> dict[str, dict]:
    """An ordinary KSampler; nothing of ours."""
    return {
        **tiny(kind, picture, storage, lora),
        "sample": node(
            "KSampler",
            model=["model", 0],
            positive=["words", 0],
            negative=["nothing", 0],
            latent_image=["latent", 0],
            seed=3,
            steps=3,
            cfg=2.0,
            sampler_name="euler",
            scheduler="simple",
            denoise=0.6,
        ),
        "decode": node("VAEDecode", samples=["sample", 0], vae=["tiny", 1]),
        "picture": save(["decode", 0]),
    }


def ran(comfy: Comfy, prompt: dict[str, dict], *outputs: str) -> list[np.ndarray]:
    """The first picture of each of these nodes; the picture itself counts, so NaN shows as black."""
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error.get("exception_message") or run.error
    return [comfy.picture(run, name).astype(int) for name in outputs]
