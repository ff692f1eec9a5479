"""The pack as ComfyUI finds it on disk."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import re
import tomllib
from pathlib import Path

import faceveil

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))


def script(name: str):
    """One of training's scripts, which are no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "training" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stamp = script("stamp")


def node_ids() -> set[str]:
    """What the node modules declare, read without importing them: they need ComfyUI."""
    ids = set()
    for path in (ROOT / "nodes").glob("*.py"):
        for found in ast.walk(ast.parse(path.read_text())):
            if isinstance(found, ast.keyword) and found.arg == "node_id":
                ids.add(found.value.value)
    return ids


def test_every_listed_module_has_its_class():
    tree = ast.parse((ROOT / "nodes" / "extension.py").read_text())
    assigned = next(x for x in tree.body if isinstance(x, ast.Assign) and x.targets[0].id == "NODES")
    listed = ast.literal_eval(assigned.value)
    for module, name in listed.items():
        classes = [x.name for x in ast.parse((ROOT / "nodes" / f"{module}.py").read_text()).body if hasattr(x, "name")]
        assert name in classes
    assert len(listed) == len(node_ids())


def inputs_by_node() -> dict[str, set[str]]:
    """The ids of every node's inputs, read the same way; those that several nodes offer are made by functions."""
    made: dict[str, list[str]] = {"number": []}
    shared = [ast.parse((ROOT / "nodes" / "parts" / name).read_text()) for name in ("sockets.py", "film_inputs.py")]
    for function in (x for tree in shared for x in tree.body):
        if isinstance(function, ast.FunctionDef) and function.name.endswith(("_input", "_inputs")):
            made[function.name] = input_ids(function, made)
    trees = [ast.parse(path.read_text()) for path in (ROOT / "nodes").glob("*.py")]
    found = {}
    for node in (x for tree in trees for x in tree.body if isinstance(x, ast.ClassDef)):
        for given in ast.walk(node):
            if isinstance(given, ast.keyword) and given.arg == "node_id":
                found[given.value.value] = set(input_ids(node, made))
    return found


def input_ids(within: ast.AST, made: dict[str, list[str]]) -> list[str]:
    ids = []
    for call in (x for x in ast.walk(within) if isinstance(x, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", None))
        if name in made:
            ids += made[name] or [call.args[0].value]
        elif name == "Input" and isinstance(call.args[0], ast.Constant):
            ids.append(call.args[0].value)
        elif name == "rare" and len(call.args) > 1:
            ids.append(call.args[1].value)
    return ids


def test_no_node_and_no_input_that_somebody_may_have_shared_is_gone():
    """Nothing was ever renamed. Whoever does it registers a replacement with ComfyUI (`NodeReplace`, since 0.14), so
    that workflows people have shared still open, and only then changes the list."""
    shared = json.loads((Path(__file__).parent / "shared_inputs.json").read_text())
    now = inputs_by_node()
    gone = {name: sorted(set(ids) - now.get(name, set())) for name, ids in shared.items()}
    assert not {name: ids for name, ids in gone.items() if ids or name not in now}
    assert set(now) == set(shared) and all(now[name] == set(ids) for name, ids in shared.items()), "add what is new"


def test_every_node_has_a_help_page_and_every_page_a_node():
    pages = {page.stem for page in (ROOT / faceveil.WEB_DIRECTORY / "docs").glob("*.md")}
    assert pages == node_ids()


def test_every_help_page_has_a_small_picture_and_the_mistakes_people_make():
    """The pictures are drawn by `python -m tests.integration.help_pictures`."""
    folder = ROOT / faceveil.WEB_DIRECTORY / "docs"
    assert {picture.stem for picture in (folder / "pictures").iterdir()} == node_ids()
    assert sum(picture.stat().st_size for picture in (folder / "pictures").iterdir()) < 400_000
    for page in folder.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert f"](pictures/{page.stem}.png)" in text, page
        assert (
            len([line for line in text.partition("## What often goes wrong")[2].splitlines() if line[:2] == "- "]) == 3
        )


def test_the_entry_point_waits_to_be_called():
    assert inspect.iscoroutinefunction(faceveil.comfy_entrypoint)


def test_logic_can_be_used_without_comfyui():
    from faceveil.nodes.parts import drawing, finding, judging, protecting, weighting

    assert all((drawing, finding, judging, protecting, weighting))


def test_the_folder_of_workflows_is_the_one_that_comfyui_serves_first():
    """It serves each of these folders at the same address, `examples` too, and only the first that is there answers."""
    served = ["example_workflows", "example", "examples", "workflow", "workflows"]
    assert next(name for name in served if (ROOT / name).is_dir()) == "workflows"


def test_every_workflow_has_a_picture_a_note_and_links_that_fit():
    assert WORKFLOWS
    for path in WORKFLOWS:
        assert path.with_suffix(".jpg").stat().st_size < 200_000
        graph = json.loads(path.read_text())
        nodes = {node["id"]: node for node in graph["nodes"]}
        assert any(node["type"] == "MarkdownNote" for node in nodes.values())
        assert {node["type"] for node in nodes.values() if node["type"].startswith("FaceVeil")} <= node_ids()
        for number, origin, slot, target, place, _ in graph["links"]:
            assert number in nodes[origin]["outputs"][slot]["links"]
            assert nodes[target]["inputs"][place]["link"] == number
        for node in nodes.values():
            values = node.get("widgets_values", [])
            assert not any(value in ("randomize", "increment", "decrement") for value in values)


def test_outputs_are_named_for_display_alone():
    """An output's id may not be an input's in older versions of ComfyUI, which then leave the node out."""
    for path in (ROOT / "nodes").glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "Output":
                assert not call.args and "id" not in [given.arg for given in call.keywords], path.name


def test_no_workflow_names_a_photo_that_is_not_there():
    """ComfyUI's input folder has none of ours: the page would greet a newcomer with a missing file."""
    for path in WORKFLOWS:
        kinds = [node["type"] for node in json.loads(path.read_text())["nodes"]]
        assert "FaceVeilLoadPortrait" in kinds and "LoadImage" not in kinds, path


def test_workflows_are_in_an_order():
    assert [path.stem[:3] for path in WORKFLOWS] == [f"{place + 1:02}_" for place in range(len(WORKFLOWS))]


def test_every_workflow_carries_what_a_shared_one_needs():
    """Anything else is written by `python training/stamp.py`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for path in WORKFLOWS:
        graph = json.loads(path.read_text())
        if path.stem == stamp.APP:
            first = json.loads(path.with_stem(stamp.FIRST).read_text())
            assert graph == stamp.as_app(first)
        assert graph == stamp.stamped(graph, project), f"{path.name}: run python training/stamp.py"


def test_every_model_that_a_workflow_names_says_where_it_is_to_be_had():
    for path in WORKFLOWS:
        for node in json.loads(path.read_text())["nodes"]:
            files = [value for value in node["widgets_values"] if str(value).endswith((".safetensors", ".gguf"))]
            models = {model["name"]: model for model in node["properties"].get("models", [])}
            assert set(files) - stamp.YOURS == set(models), f"{path.name}: tell training/stamp.py where {files} are"
            assert all(model["url"].endswith(name) and model["directory"] for name, model in models.items())
            hashes = [model["hash"] for model in models.values() if model.get("hash_type") == "SHA256"]
            assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes)


def test_no_hash_is_told_of_a_file_that_no_workflow_names_and_no_two_files_share_one():
    assert set(stamp.HASHES) < set(stamp.MODELS) and len(set(stamp.HASHES.values())) == len(stamp.HASHES)


def test_an_older_workflow_is_brought_up_to_date():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    crop = {"type": "ImageCrop", "widgets_values": [256, 128, 96, 4], "inputs": [], "outputs": []}
    batch = {"type": "ImageBatch", "inputs": [{"name": "image1", "link": 1}, {"name": "image2", "link": 2}]}
    photo = {"type": "LoadImage", "widgets_values": ["portrait.png", "image"], "outputs": [{"name": "IMAGE"}]}
    nodes = stamp.stamped({"nodes": [crop, batch, photo]}, project)["nodes"]
    assert [node["type"] for node in nodes] == ["ImageCropV2", "BatchImagesNode", "FaceVeilLoadPortrait"]
    assert nodes[0]["widgets_values"] == [{"x": 96, "y": 4, "width": 256, "height": 128}]
    assert [given["name"] for given in nodes[1]["inputs"]] == ["images.image0", "images.image1"]
    assert nodes[2]["properties"]["cnr_id"] == "faceveil" and nodes[0]["properties"]["cnr_id"] == "comfy-core"


def test_the_owners_repository_is_named_once_it_is_known():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project["project"]["urls"]["Repository"] = "https://github.com/someone/ComfyUI-FaceVeil"
    node = stamp.described({"type": "FaceVeilProtect", "widgets_values": []}, project)
    assert node["properties"]["aux_id"] == "someone/ComfyUI-FaceVeil"


def test_no_workflow_of_ours_writes_the_prompt_into_its_pictures():
    for path in WORKFLOWS:
        saves = [
            node for node in json.loads(path.read_text())["nodes"] if node["type"].startswith(("Save", "FaceVeilSave"))
        ]
        assert saves and all(node["type"] == "FaceVeilSaveProtected" for node in saves), path
        assert all(node["widgets_values"][-1] is False for node in saves), path


def test_blueprints_are_made_of_the_workflows_as_they_are():
    """`python training/blueprints.py` writes them anew."""
    blueprints = script("blueprints")
    assert {path.stem for path in (ROOT / "subgraphs").glob("*.json")} == set(blueprints.BLUEPRINTS)
    for name in blueprints.BLUEPRINTS:
        assert json.loads((ROOT / "subgraphs" / f"{name}.json").read_text()) == blueprints.made(name)
