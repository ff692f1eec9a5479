"""Which private part of ComfyUI has moved, by name; and that the list of them is whole."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

from .comfy import ROOT
from .test_nodes import node

# Its package needs ComfyUI.
NAMES = runpy.run_path(str(Path(__file__).parent / "tiny_models" / "leaned_on.py"))["NAMES"]
HOSTS = ("comfy", "folder_paths", "server", "comfyui_version")


def used(tree: ast.Module) -> set[str]:
    """The dotted names of ComfyUI's modules that a file of ours writes out."""
    found = set()
    for each in ast.walk(tree):
        if isinstance(each, ast.ImportFrom) and not each.level and each.module.partition(".")[0] in HOSTS:
            found |= {f"{each.module}.{name.name}" for name in each.names}
        if isinstance(each, ast.Attribute):
            name = ast.unparse(each)
            if name.partition(".")[0] in HOSTS and name.replace(".", "").replace("_", "").isalnum():
                found.add(name)
    return found


def test_everything_that_is_leaned_on_is_listed():
    files = Path(ROOT / "nodes").rglob("*.py")
    names = set().union(*(used(ast.parse(file.read_text())) for file in files))
    known = [f"{name}." for name in NAMES]
    unlisted = {
        name for name in names if not any(f"{name}.".startswith(each) or each.startswith(f"{name}.") for each in known)
    }
    assert not unlisted


@pytest.mark.integration
def test_everything_that_is_leaned_on_is_where_it_was(comfy):
    run = comfy.run({"look": node("TinyLeaning")})
    assert run.status == "execution_success", run.error.get("exception_message")
    assert run.outputs["look"]["text"] == ["nothing"]
