"""What our page extension is sent with a node's result (`docs/nodes/compare/`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import ui

from ..comparing import Compared, batches


def page_data(rows: Sequence[Compared], pictures: bool = True) -> dict[str, list[dict[str, Any]]]:
    """A node's `ui`: for each picture the verdict, and where its views lie in the temp folder when they are shown.

    Not under "images", which the page would show by itself, and the queue keep as a result.
    """
    told: list[dict[str, Any]] = [{"verdict": row.verdict, "views": {}} for row in rows]
    for name, whose, batch in batches(rows) if pictures else ():
        # Without the node, and so without the prompt in the files.
        for index, saved in zip(whose, ui.PreviewImage(batch).as_dict()["images"], strict=True):
            told[index]["views"][name] = dict(saved)
    return {"faceveil": told}
