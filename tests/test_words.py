"""The nodes' words in other languages: none missing, none stale, none that the page would read as something else."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KEPT = re.compile(r"models/[\w/]+|\w+\.onnx|\b1e-\d|faceveil fetch [\w-]+|\bMS-SSIM\b|-1:|\bdlib68\b")
"""What has to stand in every language as it is: places, files, values, commands."""


@pytest.fixture(scope="module")
def words():
    sys.path.insert(0, str(ROOT / "training"))
    try:
        spec = importlib.util.spec_from_file_location("words", ROOT / "training" / "words.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "training"))
    module.english = module.definitions(module.schemas())
    return module


LANGUAGES = ("de", "es", "fr", "ja", "ko", "pt-BR", "ru", "zh", "zh-TW")


def test_every_language_is_tested(words):
    assert words.LANGUAGES == LANGUAGES
    assert {path.name for path in words.LOCALES.iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_is_missing_and_none_is_stale(words, language):
    known, spoken = words.words_of(language), set(words.sentences(words.english))
    assert not spoken - set(known), f"training/words/{language}.json lacks these"
    assert not set(known) - spoken, f"training/words/{language}.json has these, which no node says any more"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_file_is_made_of_the_words(words, language):
    made = words.as_text(words.translated(words.english, words.words_of(language)))
    kept = (words.LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8")
    assert made == kept, "run python training/words.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_typed_or_found_by_its_name_is_the_same_in_every_language(words, language):
    for english, translated in words.words_of(language).items():
        for name in KEPT.findall(english):
            assert name.rstrip(":") in translated, f"{english!r}: {translated!r} lacks {name}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_has_a_sign_that_the_page_takes_for_a_command(words, language):
    """The page's translations know {places}, @links and | between plurals."""
    for text in [*words.words_of(language), *words.words_of(language).values()]:
        assert text.strip() == text != "" and not set("{}@|") & set(text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_inputs_of_a_node_have_the_same_name(words, language):
    for kind, node in json.loads((words.LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8")).items():
        names = [one["name"] for one in node["inputs"].values()]
        assert len(names) == len(set(names)), f"{kind}: {names}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_picture_and_an_answer_that_english_calls_alike_have_names_of_their_own(words, language):
    verdict = json.loads((words.LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))["FaceVeilVerdict"]
    assert verdict["outputs"]["3"]["name"] != verdict["inputs"]["protected"]["name"]


def test_nothing_of_comfyui_is_left_behind_when_its_schemas_have_been_read(words):
    assert "comfy_api.latest" not in sys.modules or not hasattr(sys.modules["comfy_api.latest"].io, "Kind")
    assert not [name for name in sys.modules if name in ("comfy", "folder_paths")]


def test_the_views_own_words_are_there_in_every_language_with_the_same_places():
    """Those of before and after in the node, which the page's own translations know nothing of."""
    words_of_view = json.loads((ROOT / "docs" / "nodes" / "compare" / "words.json").read_text(encoding="utf-8"))
    assert set(words_of_view) == {"en", *LANGUAGES}
    for language, known in words_of_view.items():
        assert known.keys() == words_of_view["en"].keys(), language
        for key, translated in known.items():
            places = [sorted(re.findall(r"{\w+}", text)) for text in (translated, words_of_view["en"][key])]
            assert translated and places[0] == places[1], f"{language}: {key}"
