"""The package as others meet it: cheap to import, honest about its metadata."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import faceveil

ROOT = Path(__file__).resolve().parents[1]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_pack_is_cheap_and_pulls_in_nothing_heavy():
    """ComfyUI's start-up pays for every import: torch is there already, everything else must wait."""
    code = (
        "import importlib.util, sys, time\n"
        f"spec = importlib.util.spec_from_file_location('pack', {str(ROOT / '__init__.py')!r}, "
        f"submodule_search_locations=[{str(ROOT)!r}])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['pack'] = module\n"
        "start = time.perf_counter()\n"
        "spec.loader.exec_module(module)\n"
        "heavy = {'torch', 'numpy', 'PIL', 'onnx', 'insightface', 'cv2', 'lpips', 'torchvision'} & set(sys.modules)\n"
        "print(time.perf_counter() - start, sorted(heavy))"
    )
    seconds, heavy = run(code).split(maxsplit=1)
    assert float(seconds) < 0.3 and heavy.strip() == "[]"


def test_parsing_the_command_line_needs_no_torch():
    out = run("import sys; from faceveil.core.cli import build_parser; build_parser(); print('torch' in sys.modules)")
    assert out.strip() == "False"


@pytest.mark.parametrize("name", faceveil.__all__)
def test_every_public_name_exists(name):
    assert getattr(faceveil, name).__doc__


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = faceveil.nonsense


def test_core_never_imports_comfyui_and_rooms_only_import_rooms_below():
    """The order of CONTRIBUTING.md, checked."""
    order = [
        "errors",
        "plain",
        "labels",
        "version",
        "whole",
        "scratch",
        "devices",
        "model_files",
        "onnx",
        "images",
        "faces",
        "recognisers",
        "services",
        "perception",
        "sharing",
        "descent",
        "optimise",
        "attention",
        "engines",
        "regions",
        "veil",
        "trajectory",
        "attacks",
        "search",
        "methods",
        "verdict",
        "photo",
        "film",
        "many",
        "bench",
        "commands",
        "cli",
    ]
    for path in (ROOT / "core").rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"^\s*(import|from) (comfy|folder_paths|nodes)\b", text, re.M), path
        parts = path.relative_to(ROOT / "core").with_suffix("").parts
        if parts[0] == "__init__":
            continue
        above = "." * len(parts)
        for other in re.findall(rf"^\s*from {re.escape(above)}(\w+)", text, re.M):
            assert order.index(other) <= order.index(parts[0]), f"{path} imports {other}"


def test_what_nodes_share_imports_neither_nodes_nor_adapters_and_adapters_no_node():
    below = {"parts": r"\.\.(?!\.core\b)", "adapters": r"\.\.(?!\.core\b|parts\b)"}
    for folder, others in below.items():
        for path in (ROOT / "nodes" / folder).glob("*.py"):
            found = re.findall(rf"^\s*from {others}\S*", path.read_text(), re.M)
            assert not found, f"{path}: {found}"


def test_what_nodes_share_is_tested_in_a_file_of_its_own_name():
    for folder in ("parts", "adapters"):
        there, tested = (
            {path.stem for path in (ROOT / place / folder).glob("*.py")} for place in ("nodes", "tests/nodes")
        )
        stray = {name.removeprefix("test_") for name in tested - {"conftest"}} - there
        assert not stray, f"tests/nodes/{folder} tests what is not there: {stray}"


def test_types_are_shipped():
    assert (ROOT / "py.typed").is_file()
    assert (
        "py.typed"
        in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["faceveil"]
    )


def test_requirements_never_pin_what_comfyui_brings():
    lines = (ROOT / "requirements.txt").read_text().split()
    assert {"torch", "numpy"} <= set(lines)
    assert not any(line.startswith("torchvision") for line in lines)


def test_every_bundled_weight_is_in_the_notice_with_its_checksum():
    notice = (ROOT / "NOTICE").read_text()
    for path in (ROOT / "core" / "weights").iterdir():
        assert f"core/weights/{path.name}" in notice
        assert hashlib.sha256(path.read_bytes()).hexdigest() in notice


def test_every_package_folder_is_declared():
    declared = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {p.parent.relative_to(ROOT) for room in ("core", "nodes") for p in (ROOT / room).rglob("__init__.py")}
    assert declared == {"faceveil"} | {".".join(("faceveil", *folder.parts)) for folder in folders}
