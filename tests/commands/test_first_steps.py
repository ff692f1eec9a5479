"""What somebody meets who has just installed it: no arguments, slips of the fingers, Tab, and what is missing."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from commandline import refused, run

from faceveil.core import cli
from faceveil.core.commands import comfyui
from faceveil.core.commands.parser import options_of, verbs_of
from faceveil.core.version import version


def test_the_name_alone_says_what_to_do_next(capsys):
    code, text, _ = run(capsys)
    assert code == 0 and "faceveil protect photo.jpg -o protected.png" in text and "faceveil doctor" in text


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out.strip() == f"faceveil {version()}"


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["protekt", "a.png"], "Did you mean 'protect'? See: faceveil --help"),
        (["protect", "a.png", "-o", "b.png", "--strength", "ballanced"], "Did you mean 'balanced'?"),
        (
            ["protect", "a.png", "-o", "b.png", "--strenght", "light"],
            "Did you mean '--strength'? See: faceveil protect",
        ),
        (["fetch", "bufalo_l"], "Did you mean 'buffalo_l'?"),
        (["protect", "a.png"], "required: -o/--out. Name what to write: -o NEW.png. See: faceveil protect --help"),
        (["veil", "learn", "a.png"], "Name what to write: -o FILE.veil."),
    ],
)
def test_a_slip_is_met_with_the_nearest_known_name(capsys, words, meant):
    assert meant in refused(capsys, *words)


def test_nothing_is_guessed_where_nothing_is_near(capsys):
    assert "Did you mean" not in refused(capsys, "zzz")
    assert "Did you mean" not in refused(capsys, "protect", "a.png", "-o", "b.png", "--qqq")


def test_a_photo_beside_the_one_that_was_meant_is_named(capsys, portrait, tmp_path):
    message = refused(capsys, "regions", portrait.with_name("poto.png"), "lips", "-o", tmp_path / "mask.png")
    assert "There is no file 'poto.png'" in message and "Did you mean 'photo.png'?" in message


def test_a_folder_that_is_missing_is_said_to_be_and_leaves_none_behind(capsys, tmp_path):
    message = refused(capsys, "protect", tmp_path / "nowhere", "-o", tmp_path / "out")
    assert "There is no file or folder 'nowhere'" in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("written", "known"), [("1e-2", "1e-2"), ("0.01", "1e-2"), (".1", "1e-1"), ("1E-04", "1e-4")])
def test_a_false_accept_rate_may_be_written_as_people_write_numbers(written, known):
    assert cli.build_parser().parse_args(["protect", "a.png", "-o", "b.png", "--far", written]).far == known


@pytest.mark.parametrize("written", ["0.02", "nan", "small"])
def test_a_rate_without_thresholds_is_met_with_those_that_have_some(capsys, written):
    _, _, errors = run(capsys, "protect", "a.png", "-o", "b.png", "--far", written)
    assert f"'{written}'" in errors and "1e-1" in errors and "1e-4" in errors


def completed(capsys, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    _, script, _ = run(capsys, "completion", "bash")
    line = " ".join(f"'{word}'" for word in words)
    ask = f'COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _faceveil; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["faceveil", "pro"], ["protect"]),
        (["faceveil", "protect", "--strength", ""], ["light", "balanced", "strong"]),
        (["faceveil", "edit", "a.png", "--promp"], ["--prompt"]),
        (["faceveil", "completion", ""], ["bash", "zsh", "fish"]),
        (["faceveil", "protect", "fi"], []),
    ],
)
def test_tab_offers_verbs_options_and_values(capsys, words, offered):
    assert completed(capsys, *words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_option_of_every_verb_is_offered(capsys, shell):
    _, script, _ = run(capsys, "completion", shell)
    for verb, parser in verbs_of(cli.build_parser()).items():
        assert verb in script
        for name in options_of(parser):
            assert not name.startswith("--") or (name if shell != "fish" else f"-l {name[2:]} ") in script, name


def test_the_doctor_says_what_is_here_and_what_would_make_it_better(capsys, monkeypatch, tmp_path):
    for folder in ("custom_nodes/pack/docs/nodes/docs", "elsewhere"):
        (tmp_path / "ComfyUI" / folder).mkdir(parents=True)
    (tmp_path / "ComfyUI" / "main.py").touch()
    (tmp_path / "ComfyUI" / "comfyui_version.py").write_text('__version__ = "0.99.1"\n')
    (tmp_path / "ComfyUI/custom_nodes/pack/docs/nodes/docs/FaceVeilProtect.md").touch()
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "ComfyUI"))
    monkeypatch.setattr(comfyui, "USUAL", ())
    code, text, _ = run(capsys, "doctor")
    assert code == 0 and f"FaceVeil {version()}" in text and "unless you say otherwise: dlib, sface" in text
    assert "0.99.1 at" in text and "with these nodes in pack" in text
    assert "faceveil fetch auraface" in text and "buffalo_l" not in text, "what is for research alone is no advice"


def test_the_doctor_tells_where_to_put_the_nodes(capsys, monkeypatch, tmp_path):
    (tmp_path / "ComfyUI" / "custom_nodes").mkdir(parents=True)
    (tmp_path / "ComfyUI" / "main.py").touch()
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "ComfyUI"))
    monkeypatch.setattr(comfyui, "USUAL", ())
    _, text, _ = run(capsys, "doctor")
    assert "an unknown version at" in text and f"put this pack into {tmp_path / 'ComfyUI' / 'custom_nodes'}" in text
