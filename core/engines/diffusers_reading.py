"""Reading diffusers pipelines from disk or the hub, safetensors only, with failures in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch

from ..errors import InputError, ModelError
from ..plain import first_line

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_UNUSED = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts that no method here asks; leaving them out saves more than a gigabyte."""


class Layout(NamedTuple):
    """How a family's single-file checkpoints are recognised and read."""

    mark: str
    """A tensor that only this family has (without the prefix of whole checkpoints)."""
    pipeline: str
    model: str
    part: str


LAYOUTS = (
    Layout("double_blocks.0.img_attn.proj.weight", "FluxPipeline", "FluxTransformer2DModel", "transformer"),
    Layout(
        "joint_blocks.0.x_block.attn.proj.weight", "StableDiffusion3Pipeline", "SD3Transformer2DModel", "transformer"
    ),
    # SDXL has everything that the older ones have, and this.
    Layout("label_emb.0.0.weight", "StableDiffusionXLPipeline", "UNet2DConditionModel", "unet"),
    Layout("input_blocks.0.0.weight", "StableDiffusionPipeline", "UNet2DConditionModel", "unet"),
)
_PREFIX = "model.diffusion_model."
_READERS = ("cond_stage_model.", "conditioner.", "text_encoders.")
_T5 = "text_encoders.t5xxl."


def library() -> ModuleType:
    try:
        import diffusers
        import transformers  # noqa: F401
    except (ImportError, RuntimeError) as error:
        raise ModelError(
            "diffusers pipelines need more packages: pip install diffusers transformers accelerate "
            f"(importing them failed: {first_line(error)})"
        ) from error
    return diffusers


def _version(diffusers: ModuleType) -> tuple[int, ...]:
    return tuple(int(part) for part in diffusers.__version__.split(".")[:2])


def read_pipeline(
    where: str | Path,
    dtype: str = "fp32",
    *,
    online: bool = False,
    config: str | Path | None = None,
    variant: str | None = None,
) -> Any:
    if dtype not in DTYPES:
        raise InputError(f"There is no precision '{dtype}'. Choose one of: {', '.join(DTYPES)}.")
    path, diffusers = Path(where).expanduser(), library()
    precision = "dtype" if _version(diffusers) >= (0, 42) else "torch_dtype"
    settings = {precision: DTYPES[dtype], "local_files_only": not online}
    if path.is_file():
        return _from_file(path, settings, config)
    if path.is_dir() and not (path / "model_index.json").is_file():
        raise ModelError(f"{path} holds no diffusers pipeline: there is no model_index.json in it.")
    if not path.is_dir() and (path.is_absolute() or path.suffix in (".safetensors", ".ckpt") or len(path.parts) > 2):
        raise ModelError(
            f"There is no {path}: name a folder in diffusers' layout, a .safetensors checkpoint or a name on the hub."
        )
    return _from_folder(str(path) if path.is_dir() else str(where), {**settings, "variant": variant})


def _from_folder(where: str, settings: dict[str, Any], **parts: Any) -> Any:
    """A folder in diffusers' layout, or a name on the hub; `parts` replace what is in it."""
    diffusers = library()
    with _explained(where, settings["local_files_only"] and not Path(where).is_dir()):
        known = diffusers.DiffusionPipeline.load_config(where, local_files_only=settings["local_files_only"])
        # What a pipeline was saved without has to be named as well.
        without = {name: None for name, kind in known.items() if name in _UNUSED or kind == [None, None]}
        return diffusers.DiffusionPipeline.from_pretrained(where, use_safetensors=True, **settings, **without, **parts)


def _from_file(path: Path, settings: dict[str, Any], config: str | Path | None) -> Any:
    names = _tensor_names(path)
    layout = next((known for known in LAYOUTS if {known.mark, _PREFIX + known.mark} & names), None)
    if layout is None:
        raise ModelError(f"{path.name} is no checkpoint of Stable Diffusion 1, 2, XL, 3 or FLUX.1.")
    if config is None and settings["local_files_only"]:
        raise ModelError(
            f"{path.name} does not hold the settings and tokenizers of its family: name a folder of the same family "
            "in diffusers' layout as `config`, or allow going online."
        )
    complete = all(
        any(name.startswith(prefix) for name in names) for prefix in (("first_stage_model.", "vae."), _READERS)
    )
    if not complete and config is None:
        raise ModelError(
            f"{path.name} holds only the {layout.part}: name a pipeline of the same family as `config`, "
            "from which the text encoders and the autoencoder come."
        )
    diffusers = library()
    with _explained(path.name, settings["local_files_only"] and not Path(config or "").is_dir()):
        folder = None if config is None else _on_disk(str(config), settings, weights=not complete)
        if not complete and folder is not None:
            model = getattr(diffusers, layout.model).from_single_file(
                str(path), config=folder, subfolder=layout.part, **settings
            )
            return _from_folder(folder, settings, **{layout.part: model})
        without: dict[str, None] = {}
        if layout.pipeline == "StableDiffusion3Pipeline" and not any(name.startswith(_T5) for name in names):
            without = {"text_encoder_3": None, "tokenizer_3": None}
        return getattr(diffusers, layout.pipeline).from_single_file(str(path), config=folder, **settings, **without)


def _on_disk(config: str, settings: dict[str, Any], weights: bool) -> str:
    """The folder of a pipeline. `from_single_file` goes online for a hub name even when told not to."""
    if Path(config).is_dir() or weights:
        return config
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "**/*.json", "*.txt", "**/*.txt", "**/*.model"]
    return snapshot_download(config, local_files_only=settings["local_files_only"], allow_patterns=wanted)


def _tensor_names(path: Path) -> set[str]:
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        raise ModelError(f"{path.name} is no .safetensors file; other checkpoints can hold programs and are not read.")
    try:
        with safe_open(path, "pt") as stored:
            return set(stored.keys())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name} is damaged: get it again.") from error


@contextmanager
def _explained(where: str, missing: bool) -> Iterator[None]:
    """`missing`: whether what is not on this machine could have been downloaded."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
        advice = " Nothing was downloaded; allow going online to fetch it." if missing else ""
        raise ModelError(f"{where} could not be read as a diffusers pipeline: {first_line(error)}{advice}") from error
