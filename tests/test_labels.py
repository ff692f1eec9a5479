"""What a file of ours says of itself."""

from __future__ import annotations

import json

import pytest

from faceveil.core.errors import InputError
from faceveil.core.labels import Label

LABEL = Label("faceveil-thing", 2, "thing", "make it anew")


def test_a_description_is_read_whole():
    data = {"kind": "faceveil-thing", "version": 2, "more": [1]}
    assert LABEL.read(json.dumps(data), "a.thing") == data


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "'a.thing' is a file of tensors, but no thing"),
        ('{"kind": "other", "version": 2}', "is no thing, but a file of the kind 'other'"),
        ('{"kind": "faceveil-thing", "version": 3}', "of version 3 and this FaceVeil reads version 2: .*make it anew"),
    ],
)
def test_another_files_is_refused_in_one_sentence(text, says):
    with pytest.raises(InputError, match=says):
        LABEL.read(text, "a.thing")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "faceveil-thing"}', "[" * 100_000])
def test_what_is_no_description_is_left_to_whoever_reads_the_rest(text):
    with pytest.raises(ValueError, match="no description"):
        LABEL.read(text, "a.thing")
