"""Cards: thresholds, what they imply, and side-car files."""

from __future__ import annotations

import json

import pytest

from faceveil.core.errors import ModelError
from faceveil.core.recognisers.card import Card, read_card, write_card

CARD = Card("x", 112, "arcface", thresholds={"1e-2": 0.3723, "1e-3": 0.4702, "1e-4": 0.5522})


def test_threshold_at_a_rate_that_was_never_measured():
    assert CARD.threshold("1e-3") == 0.4702
    with pytest.raises(ModelError, match="faceveil calibrate"):
        CARD.threshold("1e-1")


def test_impostors_put_the_thresholds_where_they_are():
    """A normal distribution of that mean and deviation has its 1 % and 0.01 % tails at the thresholds."""
    from statistics import NormalDist

    mean, deviation = CARD.impostors()
    implied = NormalDist(mean, deviation)
    assert 1 - implied.cdf(0.3723) == pytest.approx(1e-2, rel=1e-3)
    assert 1 - implied.cdf(0.5522) == pytest.approx(1e-4, rel=1e-2)


def test_impostors_of_a_single_threshold_and_of_none():
    mean, deviation = Card("x", 112, "arcface", thresholds={"1e-2": 0.5}).impostors()
    assert deviation == pytest.approx(0.1) and mean < 0.5
    with pytest.raises(ModelError):
        Card("x", 112, "arcface").impostors()


def test_card_survives_its_file(tmp_path):
    write_card(CARD, tmp_path / "x.json")
    assert read_card(tmp_path / "x.json") == CARD
    assert not list(tmp_path.glob("*.part"))


def test_side_car_with_strange_keys_and_fallbacks(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"input_size": 112, "file": "x.onnx", "mean": [1, 2, 3]}))
    card = read_card(path, name="x", template="arcface")
    assert (card.name, card.template, card.mean) == ("x", "arcface", (1.0, 2.0, 3.0))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"input_size": 112}', "\x00"])
def test_damaged_side_cars_say_which(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ModelError, match=r"bad\.json"):
        read_card(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mean", [0.5, 0.5]),
        ("mean", "abc"),
        ("mean", [float("nan")] * 3),
        ("input_size", "112"),
        ("input_size", -5),
        ("template", "foo"),
        ("channels", 7),
        ("channels", "XYZ"),
        ("scale_after_mean", 0),
        ("input_range", [0, 0]),
        ("thresholds", 5),
        ("thresholds", {"1e-2": "x"}),
        ("thresholds", {"1e-2": float("nan")}),
        ("thresholds", {"1%": 0.3}),
        ("thresholds", {"0": 0.3}),
        ("thresholds", {"1": 0.3}),
        ("thresholds", {"nan": 0.3}),
        ("thresholds", {"-1e-2": 0.3}),
        ("thresholds", {"1e-2": 0.4, "1e-3": 0.3}),
        ("thresholds", {"1e-2": 0.3, "1e-3": 0.3}),
        ("thresholds", {"1e-2": 0.3, "0.01": 0.3}),
        ("thresholds", {"1e-2": 0.3, "0.01": 0.35}),
        ("tar", {"1%": 0.9}),
        ("template", "mtcnn"),
    ],
)
def test_wrong_values_are_named_by_file_and_key(tmp_path, key, value):
    path = tmp_path / "odd.json"
    path.write_text(json.dumps({"name": "odd", "input_size": 112, "template": "arcface", key: value}))
    with pytest.raises(ModelError, match=rf"odd\.json.*{key}"):
        read_card(path)
