"""`python training/stamp.py`: all that the files of `workflows/` have to carry, and that nobody writes by hand.

Which pack a node is of and in which version, so that ComfyUI-Manager finds it; where a model is to be had, so that the
page offers it; photos that come with the pack instead of files that are not there; no node that ComfyUI has given up.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMFYUI = "0.33.0"
"""The version that the workflows were last opened with."""
UNKNOWN = "FILL-IN-OWNER"
OWN = "FaceVeil"
FIRST, APP = "01_protect_any_image", "02_protect.app"
EXAMPLES = {name: f"faceveil/{name} [temp]" for name in ("portrait.png", "person-first.jpg", "person-second.jpg")}
"""What Load Portrait calls the pack's photos."""
_HUB = "https://huggingface.co"
MODELS = {
    "v1-5-pruned-emaonly-fp16.safetensors": ("checkpoints", "Comfy-Org/stable-diffusion-v1-5-archive", ""),
    "flux1-dev.safetensors": ("diffusion_models", "Comfy-Org/flux1-dev", ""),
    "clip_l.safetensors": ("text_encoders", "comfyanonymous/flux_text_encoders", ""),
    "t5xxl_fp16.safetensors": ("text_encoders", "comfyanonymous/flux_text_encoders", ""),
    "t5xxl_fp8_e4m3fn_scaled.safetensors": ("text_encoders", "comfyanonymous/flux_text_encoders", ""),
    "ae.safetensors": ("vae", "Comfy-Org/Lumina_Image_2.0_Repackaged", "split_files/vae/"),
    "flux1-dev-kontext_fp8_scaled.safetensors": (
        "diffusion_models",
        "Comfy-Org/flux1-kontext-dev_ComfyUI",
        "split_files/diffusion_models/",
    ),
    "qwen_image_edit_2509_fp8_e4m3fn.safetensors": (
        "diffusion_models",
        "Comfy-Org/Qwen-Image-Edit_ComfyUI",
        "split_files/diffusion_models/",
    ),
    "qwen_2.5_vl_7b_fp8_scaled.safetensors": (
        "text_encoders",
        "Comfy-Org/Qwen-Image_ComfyUI",
        "split_files/text_encoders/",
    ),
    "qwen_image_vae.safetensors": ("vae", "Comfy-Org/Qwen-Image_ComfyUI", "split_files/vae/"),
}
"""Folder of ComfyUI, repository and place in it, as ComfyUI's own templates name them."""
HASHES = {
    "v1-5-pruned-emaonly-fp16.safetensors": "e9476a13728cd75d8279f6ec8bad753a66a1957ca375a1464dc63b37db6e3916",
    "clip_l.safetensors": "660c6f5b1abae9dc498ac2d21e1347d2abdb0cf6c0c0c8576cd796491d9a6cdd",
    "t5xxl_fp16.safetensors": "6e480b09fae049a72d2a8c5fbccb8d3e92febeb233bbe9dfe7256958a9167635",
    "t5xxl_fp8_e4m3fn_scaled.safetensors": "a498f0485dc9536735258018417c3fd7758dc3bccc0a645feaa472b34955557a",
    "ae.safetensors": "afc8e28272cd15db3919bacdb6918ce9c1ed22e96cb12c4d5ed0fba823529e38",
    "flux1-dev-kontext_fp8_scaled.safetensors": "630ba795ec64283b4230ea23cf79406c2c68b7c578229ed139f30043eadb30a2",
    "qwen_image_edit_2509_fp8_e4m3fn.safetensors": "318568f61951ab9da21100c7b896e3c1da67f0d2efad6421545e022cfaa2b2b4",
    "qwen_2.5_vl_7b_fp8_scaled.safetensors": "cb5636d852a0ea6a9075ab1bef496c0db7aef13c02350571e388aea959c5c0b4",
    "qwen_image_vae.safetensors": "a70580f0213e67967ee9c95f05bb400e8fb08307e017a924bf3441223e023d1f",
}
"""SHA-256 as several independent projects publish it for the file of that repository; nobody here has downloaded them.
Left out: flux1-dev, whose known hash is published for the file of another repository."""
YOURS = {"myself.safetensors"}
"""Files that an artist has to make."""

Node = dict[str, Any]


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for path in sorted((ROOT / "workflows").glob("*.json")):
        if path.stem != APP:
            graph = stamped(json.loads(path.read_text(encoding="utf-8")), project)
            write(path, graph)
            if path.stem == FIRST:
                write(path.with_stem(APP), as_app(graph))
    return 0


def write(path: Path, graph: dict[str, Any]) -> None:
    path.write_text(json.dumps(graph, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def stamped(graph: dict[str, Any], project: dict[str, Any]) -> dict[str, Any]:
    """The graph with all of it."""
    nodes = [described(renewed(node), project) for node in graph["nodes"]]
    return {**graph, "nodes": nodes}


def renewed(node: Node) -> Node:
    """The same, as what ComfyUI has today, and with a photo that is there."""
    kind, values = node["type"], list(node.get("widgets_values") or [])
    if kind == "LoadImage" and values and values[0] in EXAMPLES:
        if any(out.get("links") for out in node["outputs"][1:]):
            return node
        changed = {"type": "FaceVeilLoadPortrait", "widgets_values": [EXAMPLES[values[0]], *values[1:]]}
        outputs = [{**node["outputs"][0], "name": "image"}]
        return {**node, **changed, "outputs": outputs}
    if kind == "ImageBatch":
        inputs = [{**given, "name": f"images.image{place}"} for place, given in enumerate(node["inputs"])]
        return {**node, "type": "BatchImagesNode", "inputs": inputs}
    if kind == "ImageCrop":
        width, height, x, y = values
        return {**node, "type": "ImageCropV2", "widgets_values": [{"x": x, "y": y, "width": width, "height": height}]}
    return node


def described(node: Node, project: dict[str, Any]) -> Node:
    """The same with what says where node and models come from."""
    own = node["type"].startswith(OWN)
    about = {
        "Node name for S&R": node["type"],
        "cnr_id": project["project"]["name"] if own else "comfy-core",
        "ver": project["project"]["version"] if own else COMFYUI,
    }
    repository = project["project"]["urls"]["Repository"]
    if own and UNKNOWN not in repository:
        about["aux_id"] = repository.removeprefix("https://github.com/")
    models = [model(value) for value in node.get("widgets_values") or [] if isinstance(value, str) and value in MODELS]
    return {**node, "properties": {**about, **({"models": models} if models else {})}}


def model(name: str) -> dict[str, str]:
    folder, repository, place = MODELS[name]
    entry = {"name": name, "url": f"{_HUB}/{repository}/resolve/main/{place}{name}", "directory": folder}
    return {**entry, "hash": HASHES[name], "hash_type": "SHA256"} if name in HASHES else entry


def as_app(graph: dict[str, Any]) -> dict[str, Any]:
    """The first workflow as an app: a photo, a strength, and what came of it.

    An app shows what its outputs made last, and its button downloads that: the copy, never the sheet, which has the
    original face in it. Whether it worked stands among the inputs, in the view that our page extension adds.
    """
    number = {node["type"]: node["id"] for node in graph["nodes"]}
    protect = number["FaceVeilProtect"]
    chosen = [[number["FaceVeilLoadPortrait"], "photo"], [protect, "strength"], [protect, "faceveil_view"]]
    shown = [number["FaceVeilSaveProtected"]]
    extra = {**graph["extra"], "linearMode": True, "linearData": {"inputs": chosen, "outputs": shown}}
    return {**graph, "id": "c1f2a7de-1f0b-5c0e-9a43-5a4f6f3f1a02", "extra": extra}


if __name__ == "__main__":
    sys.exit(main())
