"""Save Trajectory and Load Trajectory, with a stand-in for ComfyUI."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from analytic import NOTHING, Gaussian

from faceveil.core.errors import InputError
from faceveil.core.trajectory.paths import invert
from faceveil.nodes.parts.walked import FOLDER, Walked


@pytest.fixture
def folders(monkeypatch, tmp_path):
    module = ModuleType("folder_paths")
    module.get_output_directory = lambda: str(tmp_path / "output")
    module.get_input_directory = lambda: str(tmp_path / "input")
    module.models_dir, module.folder_names_and_paths = str(tmp_path / "models"), {}
    monkeypatch.setitem(sys.modules, "folder_paths", module)
    return tmp_path


@pytest.fixture
def nodes(folders, node_of):
    return node_of("save_trajectory", "SaveTrajectory"), node_of("load_trajectory", "LoadTrajectory")


@pytest.fixture
def walked():
    clean = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return Walked(invert(Gaussian(True), clean, [1.0, 0.5, 0.0], NOTHING), "a prompt")


def test_what_is_kept_is_found_again_with_the_prompt_that_is_connected(nodes, walked, folders):
    save, load = nodes
    assert [save.execute(walked, "me").outputs[0] for _ in range(2)] == ["me.trajectory", "me_2.trajectory"]
    assert (folders / "output" / FOLDER / "me_2.trajectory").is_file()
    (back,) = load.execute("me.trajectory", "the same prompt").outputs
    assert back.prompt == "the same prompt" and back.short is None and back.shape == walked.shape
    assert back.path.sigmas == walked.path.sigmas and torch.equal(back.path.start, walked.path.start)


def test_files_may_lie_in_any_of_three_folders_and_another_file_is_noticed(nodes, walked, folders):
    save, load = nodes
    save.execute(walked, "me")
    kept = folders / "output" / FOLDER / "me.trajectory"
    for place in (folders / "input" / FOLDER, folders / "models" / "faceveil" / "trajectories"):
        place.mkdir(parents=True)
        kept = kept.rename(place / "me.trajectory")
        assert load.execute("me.trajectory", None).outputs[0].shape == walked.shape
    before = load.fingerprint_inputs("me.trajectory")
    assert before == load.fingerprint_inputs("me.trajectory")
    kept.write_bytes(kept.read_bytes() + b" ")
    assert load.fingerprint_inputs("me.trajectory") != before


def test_one_that_is_gone_and_one_that_is_none_are_a_sentence_each(nodes, folders):
    _, load = nodes
    with pytest.raises(InputError, match=r"no trajectory 'me\.trajectory' any more: .* press R"):
        load.execute("me.trajectory", None)
    (folders / "input" / FOLDER).mkdir(parents=True)
    (folders / "input" / FOLDER / "me.trajectory").write_bytes(b"a picture")
    with pytest.raises(InputError, match="damaged or no trajectory"):
        load.execute("me.trajectory", None)
