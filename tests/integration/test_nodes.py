"""The nodes in a real ComfyUI, over HTTP and websocket, as its web page drives them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .comfy import ROOT, Comfy
from .since import skip_where_a_node_is_lacking, skip_where_blueprints_are_lacking

pytestmark = pytest.mark.integration

NODES = {
    "FaceVeilLoadPortrait",
    "FaceVeilLoadRecogniser",
    "FaceVeilOnlineJudge",
    "FaceVeilFindFaces",
    "FaceVeilDecoy",
    "FaceVeilWeights",
    "FaceVeilProtect",
    "FaceVeilSharing",
    "FaceVeilVerdict",
    "FaceVeilSaveProtected",
    "FaceVeilEditRegion",
    "FaceVeilInvert",
    "FaceVeilSaveTrajectory",
    "FaceVeilLoadTrajectory",
    "FaceVeilLearn",
    "FaceVeilTrajectoryEditor",
    "FaceVeilGuardedSampler",
    "FaceVeilLatentOptimizer",
    "FaceVeilLoadDemoModel",
    "FaceVeilDemoPrompt",
    "FaceVeilLearnVeil",
    "FaceVeilApplyVeil",
    "FaceVeilCurve",
    "FaceVeilLoadVeil",
    "FaceVeilSaveVeil",
    "FaceVeilProtectVideo",
    "FaceVeilProtectFrames",
}
BLUEPRINTS = sorted((ROOT / "subgraphs").glob("*.json"))
PROTECT = {"strength": "light", "seed": 1, "faces": "all", "far": "1e-2"}
JUDGE = {"faces": "all", "far": "1e-2"}


def node(kind: str, **inputs: object) -> dict[str, object]:
    return {"class_type": kind, "inputs": inputs}


def load(name: str) -> dict[str, object]:
    return node("LoadImage", image=name)


def save(link: list[object]) -> dict[str, object]:
    return node("PreviewImage", images=link)


def show(link: list[object]) -> dict[str, object]:
    return node("PreviewAny", source=link)


def protecting(picture: str, **settings: object) -> dict[str, dict[str, object]]:
    """Load, protect from one recogniser, and look at the picture, what changed and the report.

    Against one and lightly, for a search is over soon; the workflows mean everybody, as `auto` does.
    """
    return {
        "load": load(picture),
        "dlib": node("FaceVeilLoadRecogniser", recogniser="dlib"),
        "protect": node("FaceVeilProtect", image=["load", 0], recognisers=["dlib", 0], **{**PROTECT, **settings}),
        "picture": save(["protect", 0]),
        "as image": node("MaskToImage", mask=["protect", 1]),
        "changed": save(["as image", 0]),
        "report": show(["protect", 2]),
    }


def judging(original: list[object], protected: list[object], **settings: object) -> dict[str, dict[str, object]]:
    return {
        "verdict": node("FaceVeilVerdict", original=original, protected=protected, **{**JUDGE, **settings}),
        "score": show(["verdict", 2]),
        "protected": show(["verdict", 3]),
    }


def original(comfy: Comfy, name: str) -> np.ndarray:
    return np.asarray(Image.open(comfy.base / "input" / name).convert("RGB"))


@pytest.fixture(scope="module")
def empty(comfy: Comfy) -> str:
    """A picture without a face."""
    ramp = np.linspace(0, 255, 256, dtype=np.uint8)
    return comfy.add_input(Image.fromarray(np.repeat(np.tile(ramp, (256, 1))[..., None], 3, 2)), "empty.png")


def test_all_nodes_are_there_with_tooltips_and_help_pages(comfy):
    info = comfy.get("/object_info")
    assert set(info) >= NODES
    for name in NODES:
        assert info[name]["category"] == "FaceVeil"
        for group in ("required", "optional"):
            for key, given in info[name]["input"].get(group, {}).items():
                assert given[1].get("tooltip"), f"{name}.{key} has no tooltip"
        assert len(comfy.text(f"/extensions/ComfyUI-FaceVeil/docs/{name}.md")) > 200
    recogniser = info["FaceVeilLoadRecogniser"]["input"]["required"]["recogniser"]
    assert (recogniser[1].get("options") or recogniser[0])[:3] == ["auto", "dlib", "sface"]


def test_an_online_judge_is_off_until_somebody_agrees(comfy, portrait):
    """And then it wants a key, which this ComfyUI was started without: nothing is sent either way."""
    for send, message in ((False, "Switch 'send my picture' on to agree"), (True, "set DIDIT_API_KEY")):
        judge = {"online": node("FaceVeilOnlineJudge", service="didit", send=send, calls=5), "load": load(portrait)}
        run = comfy.run({**judge, **judging(["load", 0], ["load", 0], judges=["online", 0])})
        assert run.status == "execution_error" and message in run.error["exception_message"]


def test_the_log_of_the_start_has_no_error_of_ours(comfy):
    lines = (comfy.base / "server.log").read_text().splitlines()
    assert any("ComfyUI-FaceVeil" in line for line in lines)
    assert not [line for line in lines if "FaceVeil" in line and ("FAILED" in line or "could not" in line)]


def test_a_portrait_is_protected_and_differs_only_on_the_face(comfy, portrait):
    run = comfy.run({**protecting(portrait), **judging(["load", 0], ["protect", 0], recognisers=["dlib", 0])})
    assert run.status == "execution_success", run.error
    before, after = original(comfy, portrait), comfy.picture(run, "picture")
    different = (before != after).any(-1)
    ys, xs = different.nonzero()
    assert 1000 < different.sum() < 0.15 * different.size
    assert ys.min() > 20 and ys.max() < 215 and xs.min() > 140 and xs.max() < 305
    assert ((comfy.picture(run, "changed")[..., 0] > 127) == different).all()
    assert run.outputs["protected"]["text"] == ["true"] or run.outputs["protected"]["text"] == ["True"]
    assert float(run.outputs["score"]["text"][0]) > 0
    assert "dlib" in run.outputs["report"]["text"][0]
    assert "no longer matched" in run.outputs["verdict"]["text"][0]
    assert comfy.picture(run, "verdict").shape[0] > 300
    values = [data["value"] for data in run.progress if data["node"] == "protect"]
    assert len(values) > 10 and values == sorted(values) and run.previews > 3


@pytest.mark.usefixtures("short")
def test_a_veil_is_learned_worn_drawn_kept_and_put_on_frames_and_a_film(comfy, portrait):
    chosen = {"amount": 0.5, "seed": 1, "faces": "all", "far": "1e-2", "strength": "light", "veil": ["learn", 0]}
    film = {name: value for name, value in chosen.items() if name != "amount"} | {"amount": 1.0}
    run = comfy.run(
        {
            "load": load(portrait),
            "dlib": node("FaceVeilLoadRecogniser", recogniser="dlib"),
            "learn": node(
                "FaceVeilLearnVeil",
                images=["load", 0],
                recognisers=["dlib", 0],
                **{key: chosen[key] for key in ("strength", "seed", "far")},
            ),
            "apply": node(
                "FaceVeilApplyVeil",
                image=["load", 0],
                **{key: chosen[key] for key in ("veil", "amount", "faces")},
            ),
            "worn": save(["apply", 0]),
            "curve": node("FaceVeilCurve", image=["load", 0], veil=["learn", 0], far="1e-2", recognisers=["dlib", 0]),
            "plot": save(["curve", 0]),
            "table": show(["curve", 1]),
            "keep": node("FaceVeilSaveVeil", veil=["learn", 0], name="me"),
            "files": show(["keep", 0]),
            "twice": node("RepeatImageBatch", image=["load", 0], amount=2),
            "frames": node("FaceVeilProtectFrames", images=["twice", 0], fps=24.0, recognisers=["dlib", 0], **film),
            "shown": save(["frames", 0]),
            "report": show(["frames", 1]),
            "clip": node("CreateVideo", images=["twice", 0], fps=24.0),
            "video": node("FaceVeilProtectVideo", video=["clip", 0], recognisers=["dlib", 0], **film),
            "text": show(["video", 1]),
        }
    )
    assert run.status == "execution_success", run.error
    before, after = original(comfy, portrait), comfy.picture(run, "worn")
    assert 1000 < (before != after).any(-1).sum() < 0.15 * before[..., 0].size
    (shown,) = run.outputs["apply"]["faceveil"]
    assert {"before", "after"} < set(shown["views"]) and shown["verdict"]["matched_before"] == 2
    assert run.outputs["files"]["text"] == ["me.veil"]
    assert run.outputs["table"]["text"][0].splitlines()[1].split()[0] == "0.00"
    for name in ("report", "text"):
        assert "2 frames" in run.outputs[name]["text"][0]


def test_an_untouched_picture_is_judged_as_matched(comfy, portrait):
    run = comfy.run({"load": load(portrait), **judging(["load", 0], ["load", 0])})
    assert run.status == "execution_success", run.error
    assert run.outputs["protected"]["text"][0].lower() == "false"
    assert float(run.outputs["score"]["text"][0]) < 0


@pytest.mark.usefixtures("short")
def test_the_same_seed_gives_the_same_picture_and_another_another(comfy, portrait):
    """Up to rounding: on busy cores the server's libraries may take fewer threads, and add up in another order. With
    threads that nobody takes away it is the same bit by bit (tests/photo/test_protector.py)."""

    def protected(seed):
        run = comfy.run(protecting(portrait, seed=seed))
        assert run.status == "execution_success", run.error
        return comfy.picture(run, "picture"), run

    first, _ = protected(11)
    other, _ = protected(12)
    again, run = protected(11)
    assert "protect" not in run.cached
    rounding, apart = (np.abs(first.astype(int) - each) for each in (again, other))
    assert rounding.max() <= 3 and (rounding > 0).mean() < 0.02
    assert (apart > 0).mean() > 10 * (rounding > 0).mean() and apart.max() > 5


@pytest.mark.usefixtures("short")
def test_what_comes_after_a_picture_that_is_remembered_is_warned_of(comfy, portrait):
    prompt = protecting(portrait)
    assert "SaveImage" not in comfy.run(prompt).texts["protect"]
    run = comfy.run({**prompt, "kept": node("SaveImage", images=["protect", 0], filename_prefix="kept")})
    assert run.status == "execution_success" and "protect" in run.cached
    assert "'SaveImage' writes the original's name" in run.texts["protect"]


def test_a_batch_of_two_people(comfy, portrait, examples):
    photo = Image.open(examples / "person-first.jpg").convert("RGB").resize((512, 640)).crop((0, 0, 512, 512))
    second = comfy.add_input(photo, "second.png")
    prompt = protecting(portrait, strength="balanced")
    prompt["other"] = load(second)
    prompt["both"] = node("ImageBatch", image1=["load", 0], image2=["other", 0])
    prompt["protect"]["inputs"]["image"] = ["both", 0]
    run = comfy.run({**prompt, **judging(["both", 0], ["protect", 0], recognisers=["dlib", 0])})
    assert run.status == "execution_success", run.error
    for index, name in enumerate((portrait, second)):
        changed = (comfy.picture(run, "picture", index) != original(comfy, name)).any(-1)
        assert 1000 < changed.sum() < 0.4 * changed.size
    assert "picture 2 of 2" in run.outputs["report"]["text"][0]
    assert run.outputs["protected"]["text"][0].lower() == "true"


@pytest.mark.usefixtures("short")
def test_a_picture_without_a_face_in_a_batch_is_passed_on_with_a_warning(comfy, empty, portrait):
    prompt = protecting(empty)
    prompt["other"] = load(portrait)
    # The batch takes the first picture's size.
    prompt["both"] = node("ImageBatch", image1=["load", 0], image2=["other", 0])
    prompt["protect"]["inputs"]["image"] = ["both", 0]
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    assert (comfy.picture(run, "picture", 0) == original(comfy, empty)).all()
    assert not comfy.picture(run, "changed", 0).any() and comfy.picture(run, "changed", 1).any()
    assert "WARNING: this picture was NOT protected" in run.outputs["report"]["text"][0]


@pytest.mark.usefixtures("short")
def test_a_mask_narrows_where_pixels_change(comfy, portrait):
    half = np.zeros((512, 512, 3), np.uint8)
    half[:, :222] = 255
    name = comfy.add_input(Image.fromarray(half), "mask.png")
    prompt = protecting(portrait)
    prompt["mask"] = node("LoadImageMask", image=name, channel="red")
    prompt["protect"]["inputs"]["mask"] = ["mask", 0]
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    different = (original(comfy, portrait) != comfy.picture(run, "picture")).any(-1)
    assert different[:, :222].any() and not different[:, 222:].any()


@pytest.mark.usefixtures("short")
def test_the_empty_mask_of_an_opaque_picture_is_no_mask(comfy, portrait):
    prompt = protecting(portrait)
    prompt["protect"]["inputs"]["mask"] = ["load", 1]
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    assert (original(comfy, portrait) != comfy.picture(run, "picture")).any()


def test_cancel_stops_within_seconds(comfy, portrait):
    cancelled = []

    def cancel(data):
        if data["node"] == "protect" and data["value"] >= 3 and not cancelled:
            cancelled.append(time.monotonic())
            comfy.post("/interrupt", {})

    run = comfy.run(protecting(portrait, strength="strong", seed=99), cancel)
    assert cancelled and run.status == "execution_interrupted"
    assert time.monotonic() - cancelled[0] < 5
    assert max(data["value"] for data in run.progress) < 100


@pytest.mark.parametrize("kind", ["protect", "find", "verdict", "gallery"])
def test_a_picture_without_a_face_is_refused_in_our_words(comfy, empty, portrait, kind):
    prompt = {
        "protect": protecting(empty),
        "find": {
            "load": load(empty),
            "find": node("FaceVeilFindFaces", image=["load", 0], faces="all", grow=1.0),
            "out": save(["find", 2]),
        },
        "verdict": {"load": load(empty), **judging(["load", 0], ["load", 0])},
        "gallery": {**protecting(portrait), "other": load(empty)},
    }[kind]
    if kind == "gallery":
        prompt["protect"]["inputs"]["gallery"] = ["other", 0]
    run = comfy.run(prompt)
    assert run.status == "execution_error"
    assert "found no face" in run.error["exception_message"] and "Crop closer" in run.error["exception_message"]
    assert ("'gallery'" in run.error["exception_message"]) == (kind == "gallery")


def test_faces_are_found_shown_and_masked_and_sharing_changes_the_picture(comfy, portrait):
    run = comfy.run(
        {
            "load": load(portrait),
            "find": node("FaceVeilFindFaces", image=["load", 0], faces="largest", grow=1.0),
            "boxes": save(["find", 2]),
            "as image": node("MaskToImage", mask=["find", 1]),
            "mask": save(["as image", 0]),
            "share": node("FaceVeilSharing", image=["load", 0], upload="jpeg50"),
            "shared": save(["share", 0]),
            "verdict": node(
                "FaceVeilVerdict", original=["load", 0], protected=["share", 0], found=["find", 0], **JUDGE
            ),
        }
    )
    assert run.status == "execution_success", run.error
    before = original(comfy, portrait)
    assert (comfy.picture(run, "boxes") != before).any()
    mask = comfy.picture(run, "mask")
    assert mask[115, 222, 0] > 200 and mask[400, 100, 0] == 0
    shared = comfy.picture(run, "shared").astype(int)
    assert shared.shape == before.shape and 0.5 < np.abs(shared - before).mean() < 12
    assert "still matched" in run.outputs["verdict"]["text"][0]


@pytest.mark.usefixtures("short")
def test_protect_takes_the_faces_that_find_faces_chose(comfy, portrait, examples):
    """Two people in one picture, of whom the smaller is chosen."""
    one = Image.open(examples / "portrait.png").convert("RGB")
    pair = Image.new("RGB", (768, 512))
    pair.paste(one, (0, 0))
    pair.paste(one.resize((256, 256)), (512, 0))
    name = comfy.add_input(pair, "pair.png")
    prompt = protecting(name)
    prompt["find"] = node("FaceVeilFindFaces", image=["load", 0], faces="1", grow=1.0)
    prompt["protect"]["inputs"]["found"] = ["find", 0]
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    changed = (comfy.picture(run, "picture") != original(comfy, name)).any(-1)
    assert changed[:, 512:].any() and not changed[:, :512].any()


@pytest.mark.usefixtures("short")
def test_every_optional_input_at_once(comfy, portrait, examples):
    person = comfy.add_input(examples / "person-first.jpg", "person.jpg")
    prompt = protecting(portrait)
    prompt["protect"]["inputs"] |= {
        "recognisers": ["recogniser", 0],
        "judges": ["judge", 0],
        "gallery": ["load", 0],
        "decoy": ["decoy", 0],
        "mask": ["find", 1],
        "weights": ["weights", 0],
    }
    prompt |= {
        "person": load(person),
        "recogniser": node("FaceVeilLoadRecogniser", recogniser="dlib"),
        "judge": node("FaceVeilLoadRecogniser", recogniser="sface"),
        "decoy": node("FaceVeilDecoy", image=["person", 0]),
        "find": node("FaceVeilFindFaces", image=["load", 0], faces="largest", grow=0.9),
        "weights": node(
            "FaceVeilWeights",
            schedule="sigmoid",
            weight=1.0,
            end_weight=0.05,
            steepness=20.0,
            limit=0.15,
            visibility=0.5,
        ),
    }
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error["exception_message"]
    assert "sface (judge)" in run.outputs["report"]["text"][0]


@pytest.mark.usefixtures("short")
def test_the_published_strengths_need_no_vae_of_their_own(comfy, portrait):
    run = comfy.run(protecting(portrait, strength="published-1"))
    assert run.status == "execution_success", run.error
    assert (original(comfy, portrait) != comfy.picture(run, "picture")).any()


@pytest.mark.usefixtures("short", "loud")
def test_a_latent_is_changed_through_a_vae_of_comfyui(comfy, portrait):
    """Of random weights: what counts is that gradients arrive through a network that ComfyUI loaded."""
    prompt = protecting(portrait, strength="published-2")
    prompt["vae"] = node("VAELoader", vae_name="taesd")
    prompt["protect"]["inputs"]["vae"] = ["vae", 0]
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    assert (original(comfy, portrait) != comfy.picture(run, "picture")).any()


def prompt_of(graph: dict[str, object], info: dict[str, object]) -> dict[str, object]:
    """A saved graph as the web page would queue it."""
    sources = {number: [str(origin), slot] for number, origin, slot, *_ in graph["links"]}
    prompt = {}
    for each in graph["nodes"]:
        if each["type"] not in info:
            continue
        links = {given["name"]: sources[given["link"]] for given in each["inputs"] if given["link"]}
        sockets, values = {given["name"] for given in each["inputs"]}, list(each["widgets_values"])
        widgets = {}
        for group in ("required", "optional"):
            for name, (_, *options) in info[each["type"]]["input"].get(group, {}).items():
                if name not in sockets and values:
                    widgets[name] = values.pop(0)
                    if options and options[0].get("control_after_generate"):
                        assert values.pop(0) == "fixed"
        prompt[str(each["id"])] = node(each["type"], **widgets, **links)
    return prompt


def test_a_photo_of_ones_own_and_an_example_are_loaded_alike(comfy, portrait, examples):
    """One from the input folder, one that nobody had to put there; what is missing is refused before anything runs."""
    for photo in (portrait, "faceveil/portrait.png [temp]"):
        prompt = {"photo": node("FaceVeilLoadPortrait", photo=photo), "shown": save(["photo", 0])}
        run = comfy.run(prompt)
        assert run.status == "execution_success", run.error
        assert np.array_equal(comfy.picture(run, "shown"), original(comfy, portrait))
    prompt["photo"] = node("FaceVeilLoadPortrait", photo="nowhere.png")
    code, answer = comfy.post("/prompt", {"prompt": prompt, "client_id": comfy.client})
    assert code == 400 and "choose another" in json.dumps(answer)


def test_rare_inputs_are_out_of_the_way(comfy):
    given = comfy.get("/object_info")["FaceVeilProtect"]["input"]["required"]
    assert [name for name, (_, about) in given.items() if not about.get("advanced")] == ["image", "strength"]


@pytest.mark.usefixtures("short")
def test_what_undoes_the_protection_afterwards_is_told_on_the_node_and_in_the_report(comfy, portrait):
    """Core's upscaler with a model is never run: saying so is the node's, not the upscaler's."""
    prompt = protecting(portrait)
    prompt["saved"] = node("SaveImage", images=["protect", 0], filename_prefix="kept")
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    assert "Save with Save Protected" in run.texts["protect"]
    assert run.outputs["report"]["text"][0].startswith("WARNING: 'SaveImage' writes the original's name")


def task_of(path: Path) -> str:
    """A workflow's name without its number."""
    return path.stem.partition("_")[2]


WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))
NEEDS_DOWNLOADS = {
    "edit_and_protect_flux",
    "guarded_txt2img_sd",
    "kontext_edit_and_protect",
    "weakened_purification_sd",
    "qwen_image_edit_protected",
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_workflow_is_offered_with_all_its_nodes_and_what_it_needs_connected(comfy, path):
    skip_where_a_node_is_lacking(path)
    info = comfy.get("/object_info")
    assert path.stem in comfy.get("/workflow_templates")["ComfyUI-FaceVeil"]
    graph = comfy.get(f"/api/workflow_templates/ComfyUI-FaceVeil/{path.name}")
    assert graph == json.loads(path.read_text())
    kinds = {each["type"] for each in graph["nodes"]}
    assert kinds - {"MarkdownNote", "Note"} <= set(info)
    for each in prompt_of(graph, info).values():
        known = info[each["class_type"]]["input"]
        allowed = {name for group in known.values() for name in group}
        # An input that grows is asked for by its group: images.image0.
        given = {name.partition(".")[0] for name in each["inputs"]}
        assert set(known.get("required", {})) <= given <= allowed


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "path", [path for path in WORKFLOWS if task_of(path) not in NEEDS_DOWNLOADS], ids=lambda path: path.stem
)
def test_a_workflow_runs_as_it_was_saved(comfy, portrait, examples, path):
    """Only that it runs and judges: what a demo model makes of a picture changes with its weights. Searches are cut
    short, those that a node's own input makes long as well; the web page runs one workflow to its end
    (test_browser.py)."""
    skip_where_a_node_is_lacking(path)
    comfy.add_input(examples / "person-first.jpg", "person-first.jpg")
    prompt = prompt_of(json.loads(path.read_text()), comfy.get("/object_info"))
    for each in prompt.values():
        if "iterations" in each["inputs"]:
            each["inputs"]["iterations"] = 3
    run = comfy.run(prompt)
    assert run.status == "execution_success", run.error
    kinds = {name: each["class_type"] for name, each in prompt.items()}
    saved = [name for name, kind in kinds.items() if kind == "FaceVeilSaveProtected"]
    sizes = [comfy.picture(run, name).shape for name in saved]
    assert sizes and set(sizes) <= {(512, 512, 3), (256, 256, 3)}
    judged = [name for name, kind in kinds.items() if kind == "FaceVeilVerdict"]
    assert judged and all("matched" in run.outputs[name]["text"][0] for name in judged)


def test_a_folder_that_cannot_be_made_costs_one_sentence(comfy, portrait):
    (comfy.base / "output" / "blocked").write_text("a file where a folder is asked for")
    saving = {"load": node("LoadImage", image=portrait)}
    saving["save"] = node(
        "FaceVeilSaveProtected",
        images=["load", 0],
        filename_prefix="blocked/picture",
        format="png",
        quality=95,
        embed=False,
    )
    run = comfy.run(saving)
    assert run.status == "execution_error"
    assert "'blocked/picture' could not be written" in run.error["exception_message"]
    assert "another filename_prefix" in run.error["exception_message"]


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_is_offered_and_is_made_of_its_workflow(comfy, path):
    """The page's node library lists what this address does."""
    skip_where_blueprints_are_lacking()
    offered = comfy.get("/global_subgraphs")
    (key,) = [key for key, each in offered.items() if each["name"] == path.stem]
    assert offered[key]["info"]["node_pack"] == "custom_nodes.ComfyUI-FaceVeil"
    assert json.loads(comfy.get(f"/global_subgraphs/{key}")["data"]) == json.loads(path.read_text())
