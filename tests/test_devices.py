from __future__ import annotations

import pytest

from faceveil.core.devices import refuse_old_torch
from faceveil.core.errors import ModelError


@pytest.mark.parametrize("version", ["2.5.0", "2.13.0+cpu", "3.0.0a0+git1"])
def test_a_torch_that_is_new_enough_is_taken(version):
    refuse_old_torch(version)


@pytest.mark.parametrize("version", ["2.4.1+cu121", "1.13.1"])
def test_one_that_is_not_is_named(version):
    with pytest.raises(ModelError, match=f"torch 2.5 or newer, and this is {version.replace('+', '.')}"):
        refuse_old_torch(version)
