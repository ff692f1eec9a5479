"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import random
import sys
from itertools import groupby
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FACEVEIL_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def examples() -> Path:
    """The photos that come with the project."""
    return ROOT / "portraits"


@pytest.fixture(scope="session")
def shared_faces() -> Path:
    """Research-use pairs a/NAME.png, b/NAME.png; not part of the project."""
    if not (SHARED / "faces").is_dir():
        pytest.skip("no folder of research photos here (set FACEVEIL_SHARED)")
    return SHARED / "faces"


@pytest.fixture(scope="session")
def shared_recognisers() -> Path:
    """Two real ONNX recognisers with side-cars; not part of the project."""
    if not (SHARED / "models" / "recognisers").is_dir():
        pytest.skip("no folder of extra recognisers here (set FACEVEIL_SHARED)")
    return SHARED / "models" / "recognisers"


@pytest.fixture(scope="session")
def portrait(examples):
    """The NASA portrait as (1, 3, 512, 512)."""
    from faceveil.core.images import read_photo, to_bchw

    return to_bchw(read_photo(examples / "portrait.png").pixels)


@pytest.fixture(scope="session")
def dlib_recogniser():
    """The built-in recogniser."""
    from faceveil.core.recognisers.catalogue import load_recogniser

    return load_recogniser("dlib")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", metavar="SEED", help="run modules and their tests in an order drawn from SEED")


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.getoption("shuffle")
    return None if seed is None else f"order: --shuffle {seed}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that needs another one before it fails here. Modules stay whole, for what they share is made once."""
    seed = config.getoption("shuffle")
    if seed is not None:
        chance = random.Random(seed)
        in_one = lambda item: item.nodeid.partition("::")[0]
        modules = [list(each) for _, each in groupby(sorted(items, key=in_one), key=in_one)]
        chance.shuffle(modules)
        for each in modules:
            chance.shuffle(each)
        items[:] = [item for each in modules for item in each]


def pytest_configure() -> None:
    """transformers imports torchvision wherever it is installed, and one built for another torch fails at that: the
    operators that it misses are declared. Nothing here calls them."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError:
        _kept.append(torch.library.Library("torchvision", "FRAGMENT"))
        for name in ("nms(Tensor d, Tensor s, float t) -> Tensor", "qnms(Tensor d, Tensor s, float t) -> Tensor"):
            _kept[0].define(name)
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]


_kept: list[torch.library.Library] = []
"""Operators vanish with the object that declared them."""
