"""What an ONNX file says of itself, without its weights: a list of networks must not cost reading them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelError

if TYPE_CHECKING:
    from onnx import ModelProto

_GRAPH = 7
"""The graph's field in a model."""
_WEIGHTS, _SPARSE = 5, 15
"""A graph's fields of weights."""
_ABOUT_WEIGHTS = (1, 2, 8)
"""A weight's size, type and name."""

_FIXED = {1: 8, 5: 4}
"""Bytes of a field, by wire type, where their number is fixed."""

Field = tuple[int, int, int, int]
"""Field number; offsets of the field, of its content, and of the end of both."""


def read_head(path: Path) -> ModelProto:
    """The model with its weights' names and sizes and nothing of what they hold."""
    import onnx

    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            model = onnx.ModelProto.FromString(_model(data))
    except Exception as error:  # an empty file, no file, no protobuf: each has an error of its own
        raise ModelError(f"{path.name} is no ONNX file or is damaged. Download it again.") from error
    if not model.graph.node or not model.graph.output:
        raise ModelError(f"{path.name} is no ONNX network. Download it again.")
    return model


def _model(data: mmap.mmap) -> bytes:
    parts = []
    for number, start, inner, end in _fields(data, 0, len(data)):
        parts.append(_delimited(_GRAPH, _graph(data, inner, end)) if number == _GRAPH else data[start:end])
    return b"".join(parts)


def _graph(data: mmap.mmap, start: int, end: int) -> bytes:
    parts = []
    for number, begin, inner, stop in _fields(data, start, end):
        if number == _WEIGHTS:
            kept = (data[a:c] for n, a, _, c in _fields(data, inner, stop) if n in _ABOUT_WEIGHTS)
            parts.append(_delimited(_WEIGHTS, b"".join(kept)))
        elif number != _SPARSE:
            parts.append(data[begin:stop])
    return b"".join(parts)


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[Field]:
    """The protobuf fields between two offsets."""
    at = start
    while at < end:
        key, inner = _varint_at(data, at)
        kind = key & 7
        if kind == 2:
            length, inner = _varint_at(data, inner)
            stop = inner + length
        elif kind == 0:
            _, stop = _varint_at(data, inner)
        else:
            stop = inner + _FIXED[kind]
        if stop > end:
            raise ValueError(f"a field at byte {at} ends after what it is part of")
        yield key >> 3, at, inner, stop
        at = stop


def _varint_at(data: mmap.mmap, at: int) -> tuple[int, int]:
    """A varint (seven bits a byte), and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError(f"a number at byte {at} does not end")


def _delimited(number: int, content: bytes) -> bytes:
    """A length-delimited field as protobuf writes it."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
