"""What came to ComfyUI after the oldest version that the tests run on: whoever needs it is skipped there by name.

By the version's number: a node or a model that a version has and that did not load is no reason to skip.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .comfy import COMFYUI
from .versions import version_of

Version = tuple[int, ...]
NODES: dict[str, Version] = {"BatchImagesNode": (0, 8, 0), "ImageCropV2": (0, 15, 0)}
"""ComfyUI's own nodes in workflows of ours, as docs/COMFYUI.md says."""
MODELS: dict[str, Version] = {"flux2": (0, 3, 72), "zimage": (0, 3, 74), "lumina": (0, 8, 0)}
"""Families of `tiny_models`, by the names they have there. 0.3.64 has a Lumina 2 that asks for a mask beside its text,
which the tests' texts lack; 0.8.0 is the oldest at hand that does not."""
BLUEPRINTS: Version = (0, 3, 67)
"""Subgraphs that a pack brings for the page's node library."""
ALIASES: Version = (0, 11, 0)
"""Words by which the page finds a node that is called otherwise."""
APPS: Version = (0, 28, 0)
"""Workflows as an app, in the oldest version at hand that has them."""
NODES_2: Version = (0, 8, 0)
"""A pack's own widgets on Nodes 2.0, in the oldest version at hand that shows them: its trial in 0.3.64 does not."""


def here(folder: Path = COMFYUI) -> Version:
    """Empty when the folder does not say."""
    return tuple(int(part) for part in version_of(folder).split(".")[:3] if part.isdigit())


def skip_before(since: Version, what: str, folder: Path = COMFYUI) -> None:
    version = here(folder)
    if version and version < since:
        pytest.skip(f"ComfyUI {version_of(folder)} lacks {what}, which came with {'.'.join(map(str, since))}")


def skip_where_a_node_is_lacking(workflow: Path) -> None:
    for kind in sorted({each["type"] for each in json.loads(workflow.read_text())["nodes"]} & set(NODES)):
        skip_before(NODES[kind], f"the node {kind}")


def skip_where_a_model_is_lacking(family: str) -> None:
    if family in MODELS:
        skip_before(MODELS[family], f"the model {family}")


def skip_where_blueprints_are_lacking() -> None:
    skip_before(BLUEPRINTS, "blueprints of packs")


def skip_where_aliases_are_lacking() -> None:
    skip_before(ALIASES, "other words to find nodes by")


def skip_where_apps_are_lacking() -> None:
    skip_before(APPS, "workflows as an app")


def skip_where_nodes_2_are_on_trial() -> None:
    skip_before(NODES_2, "a pack's own widgets on Nodes 2.0")
