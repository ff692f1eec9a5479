"""How attacks are named on a command line, read and refused."""

from __future__ import annotations

import pytest

from faceveil.core.attacks.registry import ATTACKS, Tried
from faceveil.core.attacks.specs import attacks_of, open_tools
from faceveil.core.errors import FaceVeilError, InputError


def test_a_name_alone_is_its_whole_curve_and_numbers_are_those_points():
    assert [tried.strength for tried in attacks_of(["blur"])] == list(ATTACKS["blur"].strengths)
    assert attacks_of(["blur=1,2", "blur=2", "flip"]) == (Tried("blur", 1), Tried("blur", 2), Tried("flip"))
    assert attacks_of(["img2img:some/folder=.1"]) == (Tried("img2img", 0.1, "some/folder"),)
    assert attacks_of(["img2img:some/folder=.1"])[0].key == "img2img:folder=0.1"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("blurr", "Did you mean 'blur'"),
        ("flip=2", "done or not"),
        ("blur:taesd", "nothing that could be named"),
        ("=2", "There is no attack"),
        ("cheap=2", "several attacks"),
        ("blur=1,,2", "strengths must be numbers"),
        ("blur=nan", "takes 0.1 to 32"),
        ("views=0", "takes 1 to 10"),
        ("jpeg=500", "takes 1 to 100"),
    ],
)
def test_what_is_no_attack_is_refused_in_a_sentence(spec, message):
    with pytest.raises(InputError, match=message):
        attacks_of([spec])


def test_tools_whose_results_could_not_be_told_apart_are_refused():
    with pytest.raises(InputError, match="'one/sd' and 'two/sd' end in the same name"):
        attacks_of(["img2img:one/sd=.1", "img2img:two/sd=.2"])
    assert attacks_of(["img2img:one/sd=.1", "img2img:one/sd/=.2"])
    assert len(attacks_of(["img2img:one/sd=.1", "autoencoder:two/sd=1", "img2img:one/sd=.1"])) == 2


@pytest.mark.parametrize("spec", ["autoencoder:nowhere=1", "img2img:nowhere=.1", "detector:nobody"])
def test_a_wrong_tool_is_named_before_anything_is_tried(spec):
    with pytest.raises(FaceVeilError, match=r"nowhere|nobody"):
        open_tools(attacks_of([spec]), "cpu")


def test_tools_that_are_here_open_and_what_needs_none_costs_nothing():
    open_tools(attacks_of(["autoencoder=1", "flip", "detector:mtcnn"]), "cpu")
