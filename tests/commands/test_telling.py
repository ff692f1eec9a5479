"""What the command line says: which picture is meant, what a file could not keep, and mistakes in one line."""

from __future__ import annotations

import json

import pytest
from commandline import refused, run
from PIL import Image

from faceveil.core.commands import options
from faceveil.core.commands.protect import _RECIPES
from faceveil.core.methods import recipes
from faceveil.core.recognisers import calibrate


def test_the_picture_without_a_face_is_named(capsys, portrait, faceless, tmp_path):
    out = tmp_path / "o.png"
    protect = ("protect", portrait, "-o", out)
    assert "In the photo 'sky.png'" in refused(capsys, "protect", faceless, "-o", out)
    assert "In the gallery photo 'sky.png'" in refused(capsys, *protect, "--gallery", portrait, faceless)
    message = refused(capsys, *protect, "--mode", "decoy", "--decoy", faceless)
    assert "In the decoy 'sky.png'" in message and "draw" not in message and "box" not in message
    assert "In the photo 'sky.png'" in refused(capsys, "verify", faceless, portrait)
    assert "In the gallery photo 'sky.png'" in refused(capsys, "verify", portrait, portrait, "--gallery", faceless)
    assert not out.exists()


def test_a_failing_photo_among_several_is_named_once(capsys, quick, portrait, faceless, tmp_path):
    _, _, err = run(capsys, "protect", portrait, faceless, "-o", tmp_path / "out")
    assert err.count("sky.png") == 1


def test_a_photo_that_lies_on_its_side_is_told(capsys, examples, tmp_path):
    Image.open(examples / "portrait.png").convert("RGB").rotate(90).save(tmp_path / "side.png")
    message = refused(capsys, "protect", tmp_path / "side.png", "-o", tmp_path / "o.png")
    assert "turned by 90 degrees clockwise: rotate it first" in message


def test_the_only_face_being_too_small_gets_no_advice_about_others(capsys, portrait, tmp_path):
    canvas = Image.new("RGB", (400, 400), (128, 128, 128))
    canvas.paste(Image.open(portrait).resize((80, 80)), (100, 100))
    canvas.save(tmp_path / "small.png")
    message = refused(capsys, "protect", tmp_path / "small.png", "-o", tmp_path / "o.png")
    assert "larger copy" in message and "--faces" not in message


def test_what_a_file_cannot_keep_is_noted(capsys, quick, portrait, tmp_path):
    frames = Image.open(portrait), Image.new("RGB", (256, 256))
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    report = tmp_path / "r.json"
    code, out, _ = run(capsys, "protect", tmp_path / "moving.gif", "-o", tmp_path / "o.jpg", "--report", report)
    notes = [line for line in out.splitlines() if line.startswith("note: ")]
    assert code == 0 and len(notes) == 2
    assert "'moving.gif' holds several pictures" in notes[0] and "'o.jpg' is a JPEG" in notes[1]
    assert json.loads(report.read_text())["notes"] == [note.removeprefix("note: ") for note in notes]
    _, out, _ = run(capsys, "protect", portrait, "-o", tmp_path / "o.webp")
    assert "note:" not in out


def test_a_decoy_is_told_before_and_after(capsys, quick, portrait, examples, tmp_path):
    decoy, report = examples / "person-first.jpg", tmp_path / "r.json"
    arguments = ("--mode", "decoy", "--decoy", decoy, "--report", report)
    code, out, _ = run(capsys, "protect", portrait, "-o", tmp_path / "o.png", *arguments)
    row = json.loads(report.read_text())["faces"][0]["recognisers"][0]
    assert code == 0 and row["decoy_after"] > row["decoy_before"]
    assert f"similarity to the decoy, dlib: {row['decoy_before']:.3f} before, {row['decoy_after']:.3f} after" in out


def test_who_protects_does_not_judge_as_well(capsys, quick, portrait, tmp_path):
    arguments = ("--surrogate", "dlib", "dlib", "--judge", "dlib", "--report", tmp_path / "r.json")
    code, out, _ = run(capsys, "protect", portrait, "-o", tmp_path / "o.png", *arguments)
    assert code == 0 and out.count("dlib protects already") == 1
    (row,) = json.loads((tmp_path / "r.json").read_text())["faces"][0]["recognisers"]
    assert row["role"] == "surrogate"


def test_two_recognisers_of_one_name_are_refused(capsys, portrait, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.onnx").touch()
    names = (tmp_path / "a" / "net.onnx", tmp_path / "b" / "net.onnx")
    assert "called 'net'" in refused(capsys, "protect", portrait, "-o", tmp_path / "o.png", "--surrogate", *names)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("protect",), "required: PHOTO, -o/--out. Name what to write: -o NEW.png. See: faceveil protect --help"),
        (("improve",), "'improve'"),
        (("verify", "a.png", "b.png", "--far", "2"), "--far"),
        (("protect", "a.png", "-o", "b.png", "--seed", "x"), "--seed"),
    ],
)
def test_mistakes_in_arguments_take_one_line(capsys, arguments, says):
    message = refused(capsys, *arguments)
    assert says in message and "usage" not in message


def test_without_a_command_it_says_what_to_do_next(capsys):
    code, out, err = run(capsys)
    assert code == 0 and not err and "faceveil protect photo.jpg" in out and "faceveil doctor" in out


def test_a_verdict_on_two_files_says_that_it_knows_no_witness(capsys, portrait):
    _, out, _ = run(capsys, "verify", portrait, portrait)
    assert out.count("Whom it was protected against is not known here") == 1 and "note: " not in out
    assert "What may help: the strength strong" in out
    _, out, _ = run(capsys, "verify", portrait, portrait, "--json")
    assert json.loads(out)["protected"] is False


def test_names_of_strengths_and_recipes_are_all_there():
    assert set(recipes.STRENGTHS) == set(options.STRENGTHS) and set(recipes.OTHERS) == set(_RECIPES)


def test_the_rates_that_may_be_asked_for_are_those_that_calibrating_measures():
    assert options.FARS == calibrate.RATES


def test_help_says_what_a_name_without_suffix_is(capsys):
    with pytest.raises(SystemExit):
        run(capsys, "protect", "--help")
    assert "is a folder, made when missing" in " ".join(capsys.readouterr().out.split())
