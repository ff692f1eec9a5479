"""What ComfyUI's registry shows of the pack, pulls of it, and forbids in it."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMFY = PROJECT["tool"]["comfy"]
UNKNOWN = "FILL-IN-OWNER"
FORBIDDEN = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "os.execv",
    "os.spawnv",
    "runpy.run_path",
}


@pytest.fixture(scope="module")
def archived() -> list[str]:
    """The files of the registry's archive: what git tracks, less what .comfyignore names."""

    def listed(*options: str) -> set[str]:
        done = subprocess.run(["git", "ls-files", *options], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            pytest.skip("this is no clone of the repository")
        return set(done.stdout.splitlines())

    return sorted(listed() - listed("--cached", "--ignored", "--exclude-from=.comfyignore"))


def test_the_name_is_one_that_the_registry_advises():
    name = PROJECT["project"]["name"]
    assert re.fullmatch(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*", name) and "comfyui" not in name
    assert re.fullmatch(r"\d+\.\d+\.\d+", PROJECT["project"]["version"])


def test_everything_that_the_registry_shows_is_said():
    assert all(COMFY[name] for name in ("PublisherId", "DisplayName", "Icon", "Banner", "requires-comfyui"))
    assert {"Repository", "Documentation", "Issues"} <= set(PROJECT["project"]["urls"])
    assert {"privacy", "face recognition"} <= set(PROJECT["project"]["keywords"])


def test_icon_and_banner_are_as_the_registry_wants_them():
    for name in ("Icon", "Banner"):
        path = ROOT / COMFY[name].partition("/main/")[2]
        width, height = Image.open(path).size
        assert width <= 400 if name == "Icon" else width >= 800
        assert width * (1 if name == "Icon" else 9) == height * (1 if name == "Icon" else 21)


def test_what_only_the_owner_knows_stands_in_one_place(archived):
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("# What only the owner can fill in")[2].partition("# End of what only the owner")[0]
    assert block and text.count(UNKNOWN) == block.count(UNKNOWN)
    others = [name for name in archived if name not in ("pyproject.toml", "CONTRIBUTING.md")]
    assert not any(
        UNKNOWN.encode() in (ROOT / name).read_bytes() for name in others if not name.startswith("core/weights")
    )


def test_the_archive_has_what_the_nodes_need_and_nothing_else(archived):
    rooms = {name.partition("/")[0] for name in archived}
    assert {"core", "nodes", "portraits", "workflows", "licences", "LICENSE", "NOTICE", "requirements.txt"} <= rooms
    assert not {"tests", "training", ".ci", ".github"} & rooms
    assert all(name.startswith("docs/nodes/") for name in archived if name.startswith("docs/"))
    assert "docs/nodes/docs/FaceVeilProtect.md" in archived and "core/weights/sface.safetensors" in archived


def test_nothing_in_the_archive_runs_text_or_other_programs(archived):
    for name in archived:
        if not name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [alias.name for alias in node.names] + [getattr(node, "module", None)]
                assert not {"subprocess", "pip", "marshal"} & set(modules), name
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in FORBIDDEN, name
