"""`python training/blueprints.py`: parts of our workflows as single nodes, which ComfyUI's node library offers.

ComfyUI's server reads `subgraphs/NAME.json` of every pack, and its page lists them as blueprints. Each is made of a
workflow, so that there is one place where its nodes and numbers stand.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "subgraphs"
INSIDE, OUTSIDE = -10, -20
"""What the page calls the two nodes through which links enter and leave."""
Node = dict[str, Any]


class Blueprint(NamedTuple):
    """Which part of a workflow; nodes are named by their kinds, each of which is there once."""

    workflow: str
    says: str
    kept: tuple[str, ...]
    takes: dict[tuple[str, str], str]
    """A node's input to what the blueprint calls it; inputs of one name are one."""
    gives: dict[tuple[str, str], str]
    asks: tuple[tuple[str, str], ...]
    """Widgets that stand on the blueprint itself."""


EDITOR, REGION = "FaceVeilTrajectoryEditor", "FaceVeilEditRegion"
PROTECT, VERDICT = "FaceVeilProtect", "FaceVeilVerdict"
JUDGED = {(PROTECT, "image"): "protected", (VERDICT, "report"): "report", (VERDICT, "sheet"): "sheet"}
BLUEPRINTS = {
    "Protect a portrait": Blueprint(
        workflow="01_protect_any_image",
        says="Changes faces a little, so that face recognition no longer matches them, and says whether it worked.",
        kept=(PROTECT, VERDICT),
        takes={(PROTECT, "image"): "image", (VERDICT, "original"): "image"},
        gives=JUDGED,
        asks=((PROTECT, "strength"), (PROTECT, "seed")),
    ),
    "Edit and protect": Blueprint(
        workflow="05_edit_and_protect_demo",
        says="Edits part of a face by prompt along the picture's own path, then protects it from face recognition.",
        kept=(REGION, "BasicScheduler", EDITOR, PROTECT, VERDICT),
        takes={
            **dict.fromkeys(((EDITOR, "image"), (REGION, "image"), (VERDICT, "original")), "image"),
            (PROTECT, "gallery"): "image",
            (EDITOR, "model"): "model",
            ("BasicScheduler", "model"): "model",
            (EDITOR, "vae"): "vae",
            (EDITOR, "source"): "source",
            (EDITOR, "target"): "target",
        },
        gives={**JUDGED, (EDITOR, "image"): "edited"},
        asks=((REGION, "words"), (EDITOR, "seed"), (PROTECT, "strength")),
    ),
}


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name in BLUEPRINTS:
        (FOLDER / f"{name}.json").write_text(json.dumps(made(name), indent=1) + "\n", encoding="utf-8")
    return 0


def made(name: str) -> dict[str, Any]:
    """The file of that blueprint: a graph of one node, and what is inside it."""
    one = BLUEPRINTS[name]
    graph = json.loads((ROOT / "workflows" / f"{one.workflow}.json").read_text(encoding="utf-8"))
    nodes = {node["type"]: node for node in graph["nodes"] if node["type"] in one.kept}
    known = {node["id"] for node in nodes.values()}
    links = [list(link) for link in graph["links"] if link[1] in known and link[3] in known]
    last = max(link[0] for link in graph["links"])
    takes: dict[str, dict[str, Any]] = {}
    for (kind, slot), called in one.takes.items():
        node, last = nodes[kind], last + 1
        place, socket = found(node["inputs"], slot)
        port = takes.setdefault(called, {"name": called, "type": socket["type"], "linkIds": []})
        port["linkIds"].append(last)
        links.append([last, INSIDE, list(takes).index(called), node["id"], place, socket["type"]])
    gives = []
    for at, ((kind, slot), called) in enumerate(one.gives.items()):
        node, last = nodes[kind], last + 1
        place, socket = found(node["outputs"], slot)
        gives.append({"name": called, "type": socket["type"], "linkIds": [last]})
        links.append([last, node["id"], place, OUTSIDE, at, socket["type"]])
    for node in nodes.values():
        for place, socket in enumerate(node["inputs"]):
            socket["link"] = next((link[0] for link in links if link[3:5] == [node["id"], place]), None)
        for place, socket in enumerate(node["outputs"]):
            socket["links"] = [link[0] for link in links if link[1:3] == [node["id"], place]]
    widgets = [[str(nodes[kind]["id"]), widget] for kind, widget in one.asks]
    return whole(name, one, list(nodes.values()), links, list(takes.values()), gives, widgets)


def found(sockets: list[Node], name: str) -> tuple[int, Node]:
    return next((place, socket) for place, socket in enumerate(sockets) if socket["name"] == name)


def whole(
    name: str,
    one: Blueprint,
    nodes: list[Node],
    links: list[list[Any]],
    takes: Any,
    gives: Any,
    widgets: list[list[str]],
) -> dict[str, Any]:
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, f"faceveil/{name}"))
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    left, right = min(node["pos"][0] for node in nodes), max(node["pos"][0] + node["size"][0] for node in nodes)
    ports = [
        [{"id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{own}/{way}/{each['name']}")), **each} for each in group]
        for way, group in (("in", takes), ("out", gives))
    ]
    outer = {
        "id": 1,
        "type": own,
        "pos": [0, 0],
        "size": [340, 260],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [{"name": each["name"], "type": each["type"], "link": None} for each in takes],
        "outputs": [{"name": each["name"], "type": each["type"], "links": []} for each in gives],
        "title": name,
        "properties": {"proxyWidgets": widgets},
        "widgets_values": [],
    }
    inner = {
        "id": own,
        "version": 1,
        "state": {
            "lastGroupId": 0,
            "lastNodeId": max(node["id"] for node in nodes),
            "lastLinkId": max(link[0] for link in links),
            "lastRerouteId": 0,
        },
        "revision": 0,
        "config": {},
        "name": name,
        "description": one.says,
        "category": "FaceVeil",
        "inputNode": {"id": INSIDE, "bounding": [left - 220, 60, 120, 40 + 20 * len(takes)]},
        "outputNode": {"id": OUTSIDE, "bounding": [right + 100, 60, 120, 40 + 20 * len(gives)]},
        "inputs": ports[0],
        "outputs": ports[1],
        "widgets": [],
        "nodes": nodes,
        "groups": [],
        "links": [dict(zip(names, link, strict=True)) for link in links],
        "extra": {},
    }
    graph = {"revision": 0, "last_node_id": 1, "last_link_id": 0, "nodes": [outer], "links": [], "version": 0.4}
    return {**graph, "definitions": {"subgraphs": [inner]}, "extra": {}}


if __name__ == "__main__":
    sys.exit(main())
