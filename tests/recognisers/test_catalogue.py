"""What is listed, what is loaded, and what is said about what is not here."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import zipfile
from types import SimpleNamespace

import pytest
import torch

from faceveil.core.errors import InputError, ModelError
from faceveil.core.model_files import fetch as fetching
from faceveil.core.model_files.fetch import Download, fetch
from faceveil.core.photo.protector import Protector
from faceveil.core.recognisers import catalogue
from faceveil.core.recognisers.calibrate import calibrate, pairs_in, store, thresholds_from
from faceveil.core.recognisers.catalogue import entries, find, load_recogniser, weights_in
from faceveil.core.recognisers.ensemble import Ensemble
from faceveil.core.verdict.verify import Witness, verify


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """No test sees, or writes to, the user's own weights."""
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return tmp_path / "home"


def test_the_built_in_comes_first_and_the_absent_last():
    listed = entries()
    assert (
        [entry.name for entry in listed if entry.state == "built in"]
        == ["dlib", "sface"]
        == [e.name for e in listed[:2]]
    )
    absent = {entry.name for entry in listed if entry.state == "not here"}
    assert absent >= {"ir152", "irse50", "mobileface", "facenet", "buffalo_l"}
    assert json.dumps([entry.as_dict() for entry in listed])


def test_files_in_known_folders_are_found_by_their_stem(own_home, shared_recognisers):
    folder = own_home / "models" / "recognisers"
    folder.mkdir(parents=True)
    for suffix in (".onnx", ".json"):
        shutil.copy(shared_recognisers / f"mobilefacenet{suffix}", folder)
    entry = next(entry for entry in entries() if entry.name == "mobilefacenet")
    assert entry.state == "installed" and entry.card.threshold() == 0.3723
    assert load_recogniser("mobilefacenet").embed(torch.rand(1, 3, 112, 112)).shape == (1, 192)


def test_insightface_packs_are_found_where_insightface_keeps_them(tmp_path, shared_recognisers, caplog):
    pack = tmp_path / "user" / ".insightface" / "models" / "buffalo_l"
    pack.mkdir(parents=True)
    shutil.copy(shared_recognisers / "mobilefacenet.onnx", pack / "w600k_r50.onnx")
    (pack / "det_10g.onnx").write_bytes(b"not looked at")
    assert [e.name for e in entries() if e.state == "installed"] == ["buffalo_l"]
    with caplog.at_level(logging.WARNING, "faceveil"):
        assert load_recogniser("buffalo_l").name == "buffalo_l"
    assert "non-commercial" in caplog.text


def test_a_network_that_is_here_in_two_forms_is_listed_once(own_home):
    """A name stands for one recogniser: results are kept by it, and a list with both protected against neither."""
    folder = own_home / "models" / "recognisers"
    folder.mkdir(parents=True)
    for name in ("mobileface.onnx", "mobile_face.pth"):
        (folder / name).write_bytes(b"not opened")
    found = [entry for entry in entries() if entry.name == "mobileface"]
    assert found == [find("mobileface")] and found[0].path == folder / "mobileface.onnx"


def test_auraface_is_told_from_the_pack_whose_file_has_its_name(tmp_path, shared_recognisers):
    for pack in ("auraface", "antelopev2"):
        folder = tmp_path / "user" / ".insightface" / "models" / pack
        folder.mkdir(parents=True)
        shutil.copy(shared_recognisers / "mobilefacenet.onnx", folder / "glintr100.onnx")
    terms = {e.name: (e.card.commercial, e.card.licence[:6]) for e in entries() if e.state == "installed"}
    assert terms == {"auraface": (True, "Apache"), "antelopev2": (False, "insigh")}
    assert load_recogniser("auraface").card.commercial


def test_the_recogniser_of_a_loaded_analysis_is_found_by_its_file(tmp_path):
    """insightface's object gives no gradients; its file does, under the pack's name."""
    file = tmp_path / "buffalo_l" / "w600k_r50.onnx"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    loaded = SimpleNamespace(models={"recognition": SimpleNamespace(model_file=str(file))})
    assert find(weights_in(loaded)).name == "buffalo_l"
    for other in (SimpleNamespace(models={}), SimpleNamespace(), None):
        with pytest.raises(InputError, match="no recogniser"):
            weights_in(other)


def test_names_cost_no_look_into_files(own_home, monkeypatch):
    """The list of a node, and what is built in, must not wait for the networks that lie about."""
    folder = own_home / "models" / "recognisers"
    folder.mkdir(parents=True)
    (folder / "large.onnx").write_bytes(b"nobody reads this")
    monkeypatch.setattr(catalogue, "describe_onnx", lambda path: pytest.fail(f"{path.name} was opened"))
    assert "large" in [entry.name for entry in entries()] and find("large").path
    monkeypatch.setattr(catalogue, "entries", lambda: pytest.fail("folders were searched"))
    assert load_recogniser("dlib").name == "dlib" and find("sface").state == "built in"


@pytest.mark.parametrize("name", ["dlib", "sface"])
def test_names_of_the_built_in_are_theirs(own_home, name):
    """A file of that name in the folder is neither the recogniser nor its thresholds."""
    folder = own_home / "models" / "recognisers"
    folder.mkdir(parents=True)
    (folder / f"{name}.onnx").write_bytes(b"another network")
    (folder / f"{name}.json").write_text('{"thresholds": {"1e-2": 0.99}}')
    assert load_recogniser(name).threshold() < 0.95
    assert [entry.state for entry in entries() if entry.name == name] == ["built in"]
    with pytest.raises(ModelError, match=rf"built in\. Rename {name}\.onnx"):
        load_recogniser(folder / f"{name}.onnx")


def test_what_is_not_here_says_how_to_get_it():
    hows = {entry.name: entry.how for entry in entries() if entry.state == "not here"}
    assert all(hows.values()) and "faceveil fetch auraface" in hows["auraface"]
    assert "edgeface_s_gamma_05.onnx" in hows["edgeface_s_gamma_05"]
    fetched = [name for name, how in hows.items() if "faceveil fetch" in how]
    assert set(fetched) <= set(fetching.DOWNLOADS)
    digests = [digest for download in fetching.DOWNLOADS.values() for _, digest in download.files]
    assert len(set(digests)) == len(digests), "one file would be two networks"


def test_a_pack_that_was_unzipped_into_a_folder_of_its_own_name_is_found(tmp_path):
    pack = tmp_path / "user" / ".insightface" / "models" / "antelopev2" / "antelopev2"
    pack.mkdir(parents=True)
    (pack / "glintr100.onnx").write_bytes(b"not looked at")
    assert [(e.name, e.path.parent) for e in entries() if e.state == "installed"] == [("antelopev2", pack)]


def test_a_bad_file_does_not_break_the_listing(own_home):
    folder = own_home / "models" / "recognisers"
    folder.mkdir(parents=True)
    (folder / "broken.onnx").write_bytes(b"nothing")
    assert next(e for e in entries() if e.name == "broken").card is None
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        load_recogniser("broken")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("dlip", "Did you mean 'dlib'"),
        ("facnet", "Did you mean 'facenet'"),
        ("nobody", "called 'nobody'. List them"),
        ("buffalo_l", "faceveil fetch buffalo_l"),
        ("ir152", r"Put ir152\.pth"),
        ("absent.onnx", "no weights file at"),
    ],
)
def test_what_is_not_here_is_explained(name, says):
    with pytest.raises(ModelError, match=says):
        load_recogniser(name)


def test_a_file_of_unknown_name_is_explained(tmp_path):
    (tmp_path / "mystery.pth").write_bytes(b"")
    with pytest.raises(ModelError, match=r"mystery\.pth.*ir152\.pth"):
        load_recogniser(tmp_path / "mystery.pth")


def test_an_ensemble_samples_shared_crops_once(monkeypatch):
    from faceveil.core.recognisers import judge as module

    aligned = []
    monkeypatch.setattr(module, "align", lambda *a: aligned.append(a[2:]) or torch.rand(len(a[1]), 3, a[3], a[3]))
    first, second = load_recogniser("dlib"), load_recogniser("dlib")
    from dataclasses import replace

    second.card = replace(second.card, name="twin")
    both = Ensemble([first, second])
    embedded = both.embed(torch.rand(1, 3, 9, 9), torch.rand(2, 5, 2))
    assert aligned == [("dlib", 150)] and both.evaluations == 4
    assert torch.equal(embedded["dlib"], embedded["twin"])


def test_namesakes_are_refused_wherever_results_are_kept_by_name(portrait):
    dlib = load_recogniser("dlib")
    with pytest.raises(InputError, match="called 'dlib'"):
        Ensemble([dlib, load_recogniser("dlib")])
    with pytest.raises(InputError, match="called 'dlib'"):
        Protector("light", [dlib], judges=[load_recogniser("dlib")])
    with pytest.raises(InputError, match="called 'dlib'"):
        verify(portrait, portrait, [Witness(dlib, "surrogate"), Witness(dlib)])


def test_thresholds_of_a_known_distribution():
    generator = torch.Generator().manual_seed(0)
    impostors, genuine = torch.rand(100_000, generator=generator), torch.linspace(0.5, 1.5, 1001)
    thresholds, tar = thresholds_from(genuine, impostors)
    assert thresholds["1e-2"] == pytest.approx(0.99, abs=2e-3) and tar["1e-2"] == pytest.approx(0.51, abs=5e-3)
    assert set(thresholds_from(genuine, impostors[:2000])[0]) == {"1e-1", "1e-2"}
    assert thresholds_from(genuine, impostors[:20])[0] == {}
    # A network that takes everybody for the same: a smaller rate with the same threshold would be refused when read.
    assert thresholds_from(genuine, torch.ones(100_000))[0] == {"1e-1": 1.0}


def test_calibration_is_stored_and_found_again(tmp_path, shared_faces):
    folder = tmp_path / "pairs"
    for side in "ab":
        (folder / side).mkdir(parents=True)
        for path in sorted((shared_faces / side).iterdir())[:12]:
            shutil.copy(path, folder / side)
    steps = []
    measured = calibrate(load_recogniser("dlib"), folder, lambda done, of: steps.append((done, of)))
    assert measured.genuine == 12 and measured.impostors == 132 and steps[-1] == (12, 12)
    store(load_recogniser("dlib"), find("dlib").path, measured, folder)
    again = load_recogniser("dlib").card
    assert again.thresholds == measured.thresholds and "12 pairs" in again.thresholds_from
    assert again.licence.startswith("CC0")


def test_folders_without_pairs_are_explained(tmp_path, examples):
    with pytest.raises(InputError, match=r"There is no folder .*missing"):
        pairs_in(tmp_path / "missing")
    with pytest.raises(InputError, match="two folders, a and b"):
        pairs_in(tmp_path)
    for side, name in (("a", "one.png"), ("b", "two.png")):
        (tmp_path / side).mkdir()
        shutil.copy(examples / "portrait.png", tmp_path / side / name)
    with pytest.raises(InputError, match="namesake"):
        pairs_in(tmp_path)


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """A download from a file address, as a pack is: an archive with more in it than is wanted."""
    archive = tmp_path / "pack.zip"
    with zipfile.ZipFile(archive, "w") as pack:
        pack.writestr("inner/wanted.onnx", b"weights")
        pack.writestr("../escape.onnx", b"evil")

    def offer(digest: str) -> None:
        download = Download(archive.as_uri(), "insightface", "pack", (("wanted.onnx", digest),), "free")
        monkeypatch.setitem(fetching.DOWNLOADS, "pack", download)

    return offer


def test_fetch_installs_only_what_has_the_right_checksum(offered, own_home, tmp_path):
    offered(hashlib.sha256(b"weights").hexdigest())
    (file,) = fetch("pack")
    assert file == own_home / "models" / "insightface" / "pack" / "wanted.onnx" and file.read_bytes() == b"weights"
    assert [p.name for p in file.parent.iterdir()] == ["wanted.onnx"]
    assert not list(tmp_path.rglob("escape.onnx"))


def test_fetch_refuses_a_wrong_checksum_and_leaves_nothing(offered, own_home):
    offered("0" * 64)
    with pytest.raises(ModelError, match="checksum"):
        fetch("pack")
    assert not [p for p in own_home.rglob("*") if p.is_file()]


def test_fetch_explains_unknown_names_and_dead_addresses(offered, monkeypatch, tmp_path):
    with pytest.raises(InputError, match="buffalo_l"):
        fetch("nonsense")
    gone = Download((tmp_path / "gone.zip").as_uri(), "insightface", "x", (("a.onnx", "00"),), "free")
    monkeypatch.setitem(fetching.DOWNLOADS, "gone", gone)
    with pytest.raises(ModelError, match=r"could not be downloaded.*put a\.onnx into .*insightface/x\.$"):
        fetch("gone")
