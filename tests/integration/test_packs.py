"""Other people's packs beside ours in one ComfyUI, those of them that lie in the folder FACEVEIL_PACKS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .comfy import Comfy, running
from .models import guarded, learned, optimised, tiny
from .test_generation import demo
from .test_nodes import NODES, PROTECT, judging, load, node, save

pytestmark = pytest.mark.integration

PACKS = Path(os.environ.get("FACEVEIL_PACKS", ""))
IMPACT, CROP, KJ = "ComfyUI-Impact-Pack", "ComfyUI-Inpaint-CropAndStitch", "ComfyUI-KJNodes"
RGTHREE, EASY, IPADAPTER = "rgthree-comfy", "ComfyUI-Easy-Use", "ComfyUI_IPAdapter_plus"
INSTANTID, GGUF = "ComfyUI_InstantID", "ComfyUI-GGUF"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comfy]:
    if not os.environ.get("FACEVEIL_PACKS"):
        pytest.skip("FACEVEIL_PACKS names no folder of other packs")
    with running(tmp_path_factory.mktemp("crowd"), PACKS) as server:
        yield server


@pytest.fixture
def beside(crowd: Comfy, request: pytest.FixtureRequest) -> str:
    if not (PACKS / request.param / "__init__.py").is_file():
        pytest.skip(f"{request.param} is not there")
    return request.param


def pack(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("beside", [name], indirect=True)


@pytest.fixture
def pair(crowd: Comfy, examples: Path) -> str:
    """The same face large and small, 768 by 512."""
    one, both = Image.open(examples / "portrait.png").convert("RGB"), Image.new("RGB", (768, 512))
    both.paste(one, (0, 0))
    both.paste(one.resize((256, 256)), (512, 0))
    return crowd.add_input(both, "pair.png")


def finding(picture: str, which: str = "largest") -> dict[str, dict[str, object]]:
    return {"load": load(picture), "mask": node("FaceVeilFindFaces", image=["load", 0], faces=which, grow=1.0)}


def protecting(image: list[object], **settings: object) -> dict[str, dict[str, object]]:
    return {
        "dlib": node("FaceVeilLoadRecogniser", recogniser="dlib"),
        "protect": node("FaceVeilProtect", image=image, recognisers=["dlib", 0], **{**PROTECT, **settings}),
        "picture": save(["protect", 0]),
    }


def ran(crowd: Comfy, prompt: dict[str, dict[str, object]]) -> dict[str, np.ndarray]:
    """Every picture that it shows, in whole numbers."""
    run = crowd.run(prompt)
    assert run.status == "execution_success", run.error.get("exception_message")
    shown = {name for name, each in prompt.items() if each["class_type"] == "PreviewImage"}
    pictures = {name: crowd.picture(run, name).astype(int) for name in shown}
    return {**pictures, **{name: output for name, output in run.outputs.items() if name not in shown}}


def test_each_pack_loads_and_takes_no_node_of_another(crowd):
    there = {path.name for path in PACKS.iterdir() if (path / "__init__.py").is_file()}
    log = (crowd.base / "server.log").read_text()
    assert "IMPORT FAILED" not in log and "FaceVeil could not load" not in log
    info = crowd.get("/object_info")
    packs = {each["python_module"].removeprefix("custom_nodes.") for each in info.values()}
    assert there <= packs
    assert {info[name]["python_module"] for name in NODES} == {"custom_nodes.ComfyUI-FaceVeil"}


def detailing(image: list[object]) -> dict[str, dict[str, object]]:
    """The demo model draws the faces of a mask anew, by the Impact Pack's FaceDetailer."""
    settings = {"guide_size": 256, "guide_size_for": True, "max_size": 256, "seed": 1, "steps": 3, "cfg": 1.0}
    settings |= {"sampler_name": "euler", "scheduler": "simple", "denoise": 0.1, "feather": 5, "noise_mask": True}
    settings |= {"force_inpaint": True, "bbox_threshold": 0.5, "bbox_dilation": 0, "bbox_crop_factor": 2.0}
    settings |= {"sam_detection_hint": "center-1", "sam_dilation": 0, "sam_threshold": 0.93, "sam_bbox_expansion": 0}
    settings |= {"sam_mask_hint_threshold": 0.7, "sam_mask_hint_use_negative": "False", "drop_size": 10}
    settings |= {"wildcard": "", "cycle": 1}
    given = {"model": ["demo", 0], "vae": ["demo", 1], "positive": ["prompt", 0], "negative": ["nothing", 0]}
    given |= {"clip": ["detector", 1], "bbox_detector": ["detector", 0]}
    return {
        **demo(""),
        "detector": node("TinyDetector", mask=["mask", 1]),
        "detail": node("FaceDetailer", image=image, **settings, **given),
        "detailed": save(["detail", 0]),
    }


@pack(IMPACT)
def test_faces_that_a_detailer_has_drawn_are_protected_by_their_segs(crowd, beside, pair):
    """Of two faces the detector means the smaller; it is drawn anew, and it alone is protected afterwards."""
    looking = {"threshold": 0.5, "dilation": 0, "crop_factor": 2.0, "drop_size": 10, "labels": "all"}
    shown = ran(
        crowd,
        {
            **finding(pair, "1"),
            **detailing(["load", 0]),
            "segs": node("BboxDetectorSEGS", bbox_detector=["detector", 0], image=["detail", 0], **looking),
            "meant": node("FaceVeilFindFaces", image=["detail", 0], faces="all", grow=1.0, boxes=["segs", 0]),
            **protecting(["detail", 0], found=["meant", 0]),
            "before": save(["load", 0]),
            **judging(["detail", 0], ["protect", 0], found=["meant", 0], recognisers=["dlib", 0]),
        },
    )
    drawn = (shown["detailed"] != shown["before"]).any(-1)
    changed = (shown["picture"] != shown["detailed"]).any(-1)
    assert drawn[:, 512:].any() and not drawn[:, :384].any()
    assert changed[:, 512:].any() and not changed[:, :512].any()
    assert "no longer matched" in shown["verdict"]["text"][0]


@pack(IMPACT)
def test_a_detailer_after_the_protection_is_warned_of(crowd, beside, portrait_of_the_crowd):
    run = crowd.run({**finding(portrait_of_the_crowd), **protecting(["load", 0]), **detailing(["protect", 0])})
    assert run.status == "execution_success", run.error.get("exception_message")
    assert "'FaceDetailer' comes after the protection and draws the face anew" in run.texts["protect"]


@pytest.fixture
def portrait_of_the_crowd(crowd: Comfy, examples: Path) -> str:
    return crowd.add_input(examples / "portrait.png", "portrait.png")


def cropping(resized: bool) -> dict[str, object]:
    settings = {"downscale_algorithm": "bilinear", "upscale_algorithm": "bicubic", "preresize": False}
    settings |= {"preresize_mode": "ensure minimum resolution", "preresize_min_width": 0, "preresize_min_height": 0}
    settings |= {"preresize_max_width": 4096, "preresize_max_height": 4096, "mask_fill_holes": True}
    settings |= {"mask_expand_pixels": 0, "mask_invert": False, "mask_blend_pixels": 16, "mask_hipass_filter": 0.1}
    settings |= {f"extend_{side}_factor": 1.0 for side in ("up", "down", "left", "right")}
    settings |= {"extend_for_outpainting": False, "context_from_mask_extend_factor": 2.0}
    settings |= {"output_resize_to_target_size": resized, "output_target_width": 384, "output_target_height": 384}
    return {**settings, "output_padding": "0", "device_mode": "cpu (compatible)"}


@pack(CROP)
@pytest.mark.parametrize("resized", [False, True], ids=["as it is", "at another size"])
def test_a_face_is_protected_between_crop_and_stitch(crowd, beside, pair, resized):
    shown = ran(
        crowd,
        {
            **finding(pair, "0"),
            "crop": node("InpaintCropImproved", image=["load", 0], mask=["mask", 1], **cropping(resized)),
            **protecting(["crop", 1]),
            "cut": save(["crop", 1]),
            "stitch": node("InpaintStitchImproved", stitcher=["crop", 0], inpainted_image=["protect", 0]),
            "stitched": save(["stitch", 0]),
            "before": save(["load", 0]),
            **judging(["load", 0], ["stitch", 0], found=["mask", 0], recognisers=["dlib", 0]),
        },
    )
    changed = (shown["stitched"] != shown["before"]).any(-1)
    assert changed[:, :512].any() and not changed[:, 512:].any()
    assert "no longer matched" in shown["verdict"]["text"][0]
    assert (shown["cut"].shape == (384, 384, 3)) is resized


@pack(KJ)
def test_a_crop_of_kjnodes_says_which_face_and_takes_it_back(crowd, beside, pair):
    crop = {"base_resolution": 256, "padding": 64, "min_crop_resolution": 128, "max_crop_resolution": 512}
    shown = ran(
        crowd,
        {
            **finding(pair, "1"),
            "crop": node("ImageCropByMaskAndResize", image=["load", 0], mask=["mask", 1], **crop),
            "box": node("BBOXToBoundingBoxKJ", bbox=["crop", 2], bbox_format="xyxy", index=0),
            "meant": node("FaceVeilFindFaces", image=["load", 0], faces="all", grow=1.0, boxes=["box", 0]),
            **protecting(["load", 0], found=["meant", 0]),
            "before": save(["load", 0]),
            "kept": node("SaveImageKJ", images=["protect", 0], filename_prefix="kept", output_folder="output"),
        },
    )
    changed = (shown["picture"] != shown["before"]).any(-1)
    assert changed[:, 512:].any() and not changed[:, :512].any()


@pack(RGTHREE)
def test_rgthrees_comparer_shows_before_and_after(crowd, beside, portrait_of_the_crowd):
    shown = ran(
        crowd,
        {
            "load": load(portrait_of_the_crowd),
            **protecting(["load", 0], seed=["seed", 0]),
            "seed": node("Seed (rgthree)", seed=7),
            "compare": node("Image Comparer (rgthree)", image_a=["load", 0], image_b=["protect", 0]),
        },
    )
    assert len(shown["compare"]["a_images"]) == len(shown["compare"]["b_images"]) == 1


@pack(EASY)
def test_a_sampler_of_easy_use_takes_our_model_and_its_picture_is_protected(crowd, beside, portrait_of_the_crowd):
    sampling = {"steps": 3, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 0.1, "seed": 1}
    given = {"model": ["demo", 0], "vae": ["demo", 1], "pos": ["prompt", 0], "neg": ["nothing", 0]}
    shown = ran(
        crowd,
        {
            "load": load(portrait_of_the_crowd),
            **demo(""),
            "encode": node("VAEEncode", pixels=["load", 0], vae=["demo", 1]),
            "pipe": node("easy pipeIn", latent=["encode", 0], **given),
            "sample": node(
                "easy fullkSampler", pipe=["pipe", 0], image_output="Hide", link_id=0, save_prefix="x", **sampling
            ),
            **protecting(["sample", 1]),
            "sampled": save(["sample", 1]),
        },
    )
    assert (shown["picture"] != shown["sampled"]).any()


@pack(IPADAPTER)
def test_a_protected_portrait_goes_into_ipadapter_whose_insightface_we_take(crowd, beside, portrait_of_the_crowd):
    shown = ran(
        crowd,
        {
            "load": load(portrait_of_the_crowd),
            **protecting(["load", 0]),
            "prepare": node(
                "PrepImageForClipVision",
                image=["protect", 0],
                interpolation="LANCZOS",
                crop_position="center",
                sharpening=0.0,
            ),
            "prepared": save(["prepare", 0]),
        },
    )
    assert shown["prepared"].shape == (224, 224, 3)
    takes_what_it_gives(crowd, "IPAdapterInsightFaceLoader")


@pack(IPADAPTER)
def test_a_model_with_an_ipadapter_goes_through_the_nodes_that_take_one(crowd, beside, portrait_of_the_crowd):
    told = {"weight": 1.0, "weight_type": "linear", "combine_embeds": "concat", "start_at": 0.0, "end_at": 1.0}
    told |= {
        "embeds_scaling": "V only",
        "image": ["load", 0],
        "ipadapter": ["adapter", 0],
        "clip_vision": ["adapter", 1],
    }
    changing = {"adapter": node("TinyIPAdapter"), "changed": node("IPAdapterAdvanced", model=["model", 0], **told)}
    goes_through(crowd, "sd15", portrait_of_the_crowd, changing)


@pack(INSTANTID)
def test_a_model_with_an_instantid_goes_through_the_nodes_that_take_one(crowd, beside, portrait_of_the_crowd):
    told = {"weight": 1.0, "start_at": 0.0, "end_at": 1.0, "noise": 0.0, "image": ["load", 0]}
    told |= {"instantid": ["identity", 0], "insightface": ["identity", 1], "model": ["model", 0]}
    changing = {"identity": node("TinyInstantID"), "changed": node("InstantIDAttentionPatch", **told)}
    goes_through(crowd, "sdxl", portrait_of_the_crowd, changing)


@pack(GGUF)
def test_a_gguf_file_goes_through_the_nodes_that_take_a_model(crowd, beside, portrait_of_the_crowd):
    assert crowd.run({"write": node("TinyGguf", name="tiny.gguf")}).status == "execution_success"
    loading = {"changed": node("UnetLoaderGGUF", unet_name="tiny.gguf")}
    goes_through(crowd, "flux", portrait_of_the_crowd, loading)


def goes_through(crowd: Comfy, kind: str, picture: str, changing: dict[str, dict[str, object]]) -> None:
    """The small model with what `changing` does to it: its gradient, the embedding learner, the latent optimizer and
    the guarded sampler, each of which sees another model than without."""

    def changed(prompt: dict[str, dict]) -> dict[str, dict]:
        for each in prompt.values():
            for name, given in each["inputs"].items():
                each["inputs"][name] = ["changed", 0] if given == ["model", 0] else given
        return {**prompt, **changing}

    gradient = {"gradient": node("TinyGradient", model=["model", 0], prompt=["words", 0])}
    away = [float(text) for text in ran(crowd, changed({**tiny(kind, picture), **gradient}))["gradient"]["text"]]
    assert len(away) == 4 and max(away) < 5e-3, away
    for make, shown in ((learned, "reached"), (optimised, "moved"), (guarded, "picture")):
        assert (ran(crowd, changed(make(kind, picture)))[shown] != ran(crowd, make(kind, picture))[shown]).any(), shown


@pack(INSTANTID)
def test_the_insightface_of_instantid_is_taken(crowd, beside):
    takes_what_it_gives(crowd, "InstantIDFaceAnalysis")


def takes_what_it_gives(crowd: Comfy, loader: str) -> None:
    info = crowd.get("/object_info")
    (given,) = info[loader]["output"]
    for ours in ("FaceVeilFindFaces", "FaceVeilLoadRecogniser"):
        assert given in info[ours]["input"]["optional"]["insightface"][0].split(",")
