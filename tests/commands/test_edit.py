"""`faceveil edit` and `faceveil regions` from file to file: regions, models, ways to protect, and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from commandline import refused, run
from PIL import Image

from faceveil.core.images import read_mask


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_an_edit_changes_the_lips_and_nothing_else(portrait, tmp_path, capsys):
    out, mask = tmp_path / "edited.png", tmp_path / "mask.png"
    code, text, _ = run(
        capsys, "edit", portrait, "--prompt", "red lipstick", "-o", out, "--no-protect", "--steps", 6, "--inject", 2
    )
    assert code == 0 and "edited lips (14 evaluations" in text
    assert run(capsys, "regions", portrait, "lips", "-o", mask)[0] == 0
    change, inside = np.abs(pixels(out) - pixels(portrait)).max(2), pixels(mask).max(2) > 0
    assert change[inside].max() > 20 and change[~inside].max() == 0


def test_one_inversion_serves_two_edits_and_is_kept_as_a_file(portrait, tmp_path, capsys):
    path = tmp_path / "me.trajectory"
    words = ["edit", portrait, "--no-protect", "--steps", 4, "--trajectory", path, "-o"]
    code, text, error = run(capsys, *words, tmp_path / "first.png", "--prompt", "red lipstick")
    assert code == 0 and "edited lips (11 evaluations" in text and path.is_file(), error
    kept = path.read_bytes()
    code, text, _ = run(capsys, *words, tmp_path / "second.png", "--prompt", "golden hair")
    assert code == 0 and "edited hair (6 evaluations" in text and path.read_bytes() == kept
    assert (pixels(tmp_path / "second.png") != pixels(portrait)).any()
    run(capsys, *words, tmp_path / "again.png", "--prompt", "red lipstick")
    assert (pixels(tmp_path / "again.png") == pixels(tmp_path / "first.png")).all()


def test_a_trajectory_of_something_else_is_refused_and_nothing_is_written(portrait, faceless, tmp_path, capsys):
    path, out = tmp_path / "me.trajectory", tmp_path / "out.png"
    words = ["--prompt", "red lips", "--no-protect", "--steps", 2, "-o", out, "--trajectory", path]
    shifted = tmp_path / "shifted.png"
    Image.open(portrait).transform((256, 256), Image.Transform.AFFINE, (1, 0, 8, 0, 1, 0)).save(shifted)
    path.write_bytes(portrait.read_bytes())
    assert "damaged or no trajectory" in refused(capsys, "edit", portrait, *words)
    path.unlink()
    assert "one photo, for the editor invert" in refused(capsys, "edit", portrait, *words, "--editor", "flow")
    assert "one photo, for the editor invert" in refused(capsys, "edit", portrait, faceless, *words)
    assert "another output" in refused(capsys, "edit", portrait, *words, "--report", path)
    assert run(capsys, "edit", portrait, *words)[0] == 0
    out.unlink()
    assert "another picture, of another crop" in refused(capsys, "edit", shifted, *words)
    assert not out.exists()


def test_a_transparent_photo_gets_the_same_mask(portrait, tmp_path, capsys):
    clear = Image.open(portrait)
    clear.putalpha(128)
    clear.save(tmp_path / "clear.png")
    masks = [tmp_path / "plain-mask.png", tmp_path / "clear-mask.png"]
    for photo, mask in zip((portrait, tmp_path / "clear.png"), masks, strict=True):
        assert run(capsys, "regions", photo, "lips", "-o", mask)[0] == 0
    assert torch.equal(*(read_mask(mask) for mask in masks))


def test_a_word_where_a_mask_is_expected_is_told_where_words_go(portrait, tmp_path, capsys):
    edit = ["edit", portrait, "--prompt", "shine", "-o", tmp_path / "o.png"]
    assert "say --region lips." in refused(capsys, *edit, "--mask", "lips")
    assert "say --region 'face shape' eyes." in refused(capsys, *edit, "--mask", "face and eyes")
    # What is meant for a file is looked for as one.
    assert "--region" not in refused(capsys, *edit, "--mask", tmp_path / "lips.png")
    told = refused(capsys, "protect", portrait, "-o", tmp_path / "o.png", "--mask", "nose")
    assert "faceveil regions PHOTO nose -o mask.png" in told


def test_landmarks_draw_another_mask_than_five_points(portrait, tmp_path, capsys):
    pytest.importorskip("dlib")
    pytest.importorskip("face_recognition_models")
    rough, close = tmp_path / "rough.png", tmp_path / "close.png"
    run(capsys, "regions", portrait, "eyebrows", "-o", rough)
    code, text, _ = run(capsys, "regions", portrait, "eyebrows", "-o", close, "--landmarks", "dlib68")
    assert code == 0 and "eyebrows" in text
    assert 0 < (pixels(close) > 128).mean() != (pixels(rough) > 128).mean()


def test_protection_inside_the_generation_comes_with_its_verdict(portrait, tmp_path, capsys, quick):
    out, sheet = tmp_path / "edited.png", tmp_path / "sheet.png"
    code, text, _ = run(
        capsys, "edit", portrait, "--prompt", "red lipstick", "-o", out, "--in-loop", "--steps", 5, "--sheet", sheet
    )
    assert code == 0 and "dlib (surrogate)" in text and "outside the faces: nothing changed" in text
    assert sheet.is_file() and (pixels(out) != pixels(portrait)).mean() > 0.05


@pytest.mark.parametrize("model", ["sd", "flux"])
def test_any_diffusers_folder_edits(portrait, tmp_path, capsys, model):
    pytest.importorskip("diffusers")
    import tiny_pipelines

    getattr(tiny_pipelines, model)().save_pretrained(tmp_path / "model")
    words = ["edit", portrait, "--prompt", "red hair", "-o", tmp_path / "out.png", "--no-protect", "--steps", 2]
    words += ["--model", tmp_path / "model", "--size", 32, "--inject", "auto"]
    code, text, error = run(capsys, *words)
    assert code == 0, error
    assert "edited hair (6 evaluations" in text


def test_files_of_a_kind_and_what_a_model_predicts_may_be_named(portrait, tmp_path, capsys):
    pytest.importorskip("diffusers")
    import tiny_pipelines

    torch.manual_seed(0)
    tiny_pipelines.sd().save_pretrained(tmp_path / "model", variant="fp16")
    words = ["edit", portrait, "--prompt", "red hair", "--no-protect", "--steps", 2, "--size", 32]
    words += ["--model", tmp_path / "model", "-o"]
    capsys.readouterr()  # what saving said is not what the command line says
    assert "could not be read" in refused(capsys, *words, tmp_path / "none.png")
    for name, more in (("as-it-says", ()), ("epsilon", ("epsilon",)), ("sample", ("sample",))):
        given = [*words, tmp_path / f"{name}.png", "--variant", "fp16", *(("--prediction", *more) if more else ())]
        code, _, error = run(capsys, *given)
        assert code == 0, error
    plain, same, other = (pixels(tmp_path / f"{name}.png") for name in ("as-it-says", "epsilon", "sample"))
    assert (plain == same).all() and (plain != other).any()


def test_guidance_on_a_model_without_it_is_refused(portrait, tmp_path, capsys):
    pytest.importorskip("diffusers")
    import tiny_pipelines

    tiny_pipelines.flux(guided=False, shifted=False).save_pretrained(tmp_path / "schnell")
    capsys.readouterr()  # what saving said is not what the command line says
    words = ["edit", portrait, "--prompt", "red hair", "-o", tmp_path / "out.png", "--no-protect", "--size", 32]
    error = refused(capsys, *words, "--model", tmp_path / "schnell", "--guidance", 5)
    assert "made without guidance" in error


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--prompt", "a sunny day"], "Name one (beard"),
        (["--prompt", " "], "prompt is empty"),
        (["--prompt", "curly hair"], "understands no word of 'curly hair'"),
        (["--prompt", "red lips", "--guidance", "60"], "choose from 0 to 7"),
        (["--prompt", "red lips", "--guidance", "nan"], "guidance of nan makes no sense"),
        (["--prompt", "red lips", "--steps", "0"], "--steps: '0' is no whole number from 1"),
        (["--prompt", "red lips", "--size", "312"], "a size that is a multiple of 16"),
        (["--prompt", "red lips", "--faces", "3"], "no face number 3"),
        (["--prompt", "red", "--region", "elbow"], "no region 'elbow'"),
        (["--prompt", "red lips", "--inject", "30"], "injected in 30 of 25 steps"),
        (["--prompt", "red lips", "--inject", "some"], "neither a number of steps nor auto"),
        (["--prompt", "red lips", "--editor", "flow", "--inject", "3"], "follows no trajectory"),
        (["--prompt", "red lips", "--in-loop", "--no-protect"], "leave out --no-protect"),
        (["--prompt", "red lips", "--in-loop", "--strength", "light"], "leave out --strength"),
        (["--prompt", "red lips", "--landmarks", "none.onnx"], "no weights file"),
        (["--prompt", "red lips", "--parser", "none.onnx"], "no weights file"),
        (["--prompt", "odd thing", "--sentences", "nowhere"], "no text model"),
    ],
)
def test_wishes_that_cannot_be_had_get_one_sentence(portrait, tmp_path, capsys, more, sentence):
    assert sentence in refused(capsys, "edit", portrait, "-o", tmp_path / "out.png", *more)


def test_masks_that_do_not_fit_get_one_sentence(portrait, tmp_path, capsys):
    words = ["edit", portrait, "--prompt", "red", "-o", tmp_path / "out.png", "--mask", tmp_path / "mask.png"]
    Image.new("L", (300, 100), 255).save(tmp_path / "mask.png")
    assert "shapes differ" in refused(capsys, *words)
    Image.new("L", (256, 256), 0).save(tmp_path / "mask.png")
    assert "mask is empty" in refused(capsys, *words, "--no-protect")
    assert "leave out --region" in refused(capsys, *words, "--region", "lips")


def test_a_folder_is_edited_told_and_done_only_once(portrait, faceless, tmp_path, capsys):
    photos, out, report = tmp_path / "photos", tmp_path / "out", tmp_path / "r.json"
    photos.mkdir()
    for path in (portrait, faceless):
        path.rename(photos / path.name)
    words = ["edit", photos, "--prompt", "red lipstick", "-o", out, "--no-protect", "--steps", 2, "--report", report]
    code, text, err = run(capsys, *words)
    assert code == 2 and "2 photos: 1 done" in text and "sky.png" in err
    edited, failed = json.loads(report.read_text())
    assert (edited["photo"], failed["photo"]) == ("photo.png", "sky.png") and "edited lips" in edited["notes"][0]
    assert (pixels(out / "photo.png") != pixels(photos / "photo.png")).any() and "error" in failed
    (photos / "sky.png").unlink()
    assert "1 were done before" in run(capsys, *words)[1]
    words[3] = "pink lipstick"
    assert "done before" not in run(capsys, *words)[1], "another wish is another photo"


def test_a_folder_is_protected_inside_the_generation(quick, portrait, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    portrait.rename(tmp_path / "photos" / "photo.png")
    words = ("edit", tmp_path / "photos", "--prompt", "red lipstick", "-o", tmp_path / "out", "--in-loop", "--steps", 2)
    code, text, err = run(capsys, *words)
    assert code == 0 and "1 photos: 1 done" in text, err


def test_the_verdict_of_an_edit_can_be_had_as_data(quick, portrait, tmp_path, capsys):
    report = tmp_path / "r.json"
    words = ["edit", portrait, "--prompt", "red lipstick", "-o", tmp_path / "o.png", "--steps", 2, "--report", report]
    assert run(capsys, *words)[0] == 0
    data = json.loads(report.read_text())
    assert data["photo"] == "photo.png" and data["faces"][0]["recognisers"] and "edited lips" in data["notes"][0]
