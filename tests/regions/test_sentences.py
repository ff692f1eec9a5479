"""Sentences that name no part of the face, read by a text model whose every weight is known."""

from __future__ import annotations

import re

import pytest
import torch

from faceveil.core.errors import InputError, ModelError
from faceveil.core.regions.named import REGIONS
from faceveil.core.regions.sentences import DESCRIPTIONS, KIND, Sentences, regions_for, sentence_model

transformers = pytest.importorskip("transformers")
MEANINGS = {"grin": "smiling", "spectacular": "sunglasses", "goggles": "sunglasses", "crimson": "lipstick"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One vector a word and nothing else: sentences are alike that share words, or words that mean the same."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    folder = tmp_path_factory.mktemp("models") / KIND / "one-vector-a-word"
    words = sorted({word for text in DESCRIPTIONS.values() for word in re.findall(r"\w+|[,:]", text.lower())})
    known = ["[PAD]", "[UNK]", *words, *MEANINGS]
    made = Tokenizer(models.WordLevel({word: index for index, word in enumerate(known)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    read = transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")
    config = transformers.BertConfig(
        vocab_size=len(known), hidden_size=64, num_hidden_layers=0, num_attention_heads=2, intermediate_size=8
    )
    model = transformers.BertModel(config, add_pooling_layer=False)
    vectors = torch.randn(len(known), 64, generator=torch.Generator().manual_seed(0))
    for word, meaning in MEANINGS.items():
        vectors[known.index(word)] = vectors[known.index(meaning)]
    # Words that say nothing: layer norm leaves zeros of them.
    for word in (",", ":", "a", "or", "the", "and", "of", "where", "they", "looking", "over"):
        vectors[known.index(word)] = 0
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.copy_(vectors)
        model.embeddings.position_embeddings.weight.zero_()
        model.embeddings.token_type_embeddings.weight.zero_()
    model.save_pretrained(folder)
    read.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return Sentences.load(folder)


def test_every_region_has_a_description():
    assert set(DESCRIPTIONS) == set(REGIONS)


@pytest.mark.parametrize(("prompt", "region"), [("grin", "expression"), ("goggles", "eyeglasses"), ("crimson", "lips")])
def test_words_nobody_listed_are_found_by_what_they_mean(model, prompt, region):
    assert regions_for(prompt, model) == [region]


def test_words_that_are_listed_need_no_model(model):
    assert regions_for("crimson hair", model) == ["hair"] and regions_for("crimson hair") == ["hair"]


def test_what_is_about_something_else_is_refused(model):
    with pytest.raises(InputError, match="neither by its words nor by what they mean"):
        regions_for("zebra zebra", model)
    with pytest.raises(InputError, match="No word of 'a grin'"):
        regions_for("a grin")


def test_sentences_are_compared_whatever_stands_beside_them(model):
    alone, padded = model.embed(["smiling"])[0], model.embed(["smiling", "the chin and jaw and more"])[0]
    assert torch.allclose(alone, padded, atol=1e-6) and float(alone.norm()) == pytest.approx(1)


def test_a_model_among_the_models_is_used_and_none_is_needed(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVEIL_HOME", str(tmp_path))
    monkeypatch.setenv("FACEVEIL_MODELS", str(tmp_path / "nothing"))
    assert sentence_model() is None
    monkeypatch.setenv("FACEVEIL_MODELS", str(folder.parents[1]))
    assert sentence_model().name == folder.name
    with pytest.raises(ModelError, match="no text model"):
        sentence_model(tmp_path)
