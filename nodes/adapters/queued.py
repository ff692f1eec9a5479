"""What is said of a graph when it is queued: a node whose result ComfyUI remembers is not run, and says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any


def say_when_queued(sayings: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]) -> None:
    """Shows what `sayings` has to say of a graph, (node, text), before it is run: a node that is run says it again."""
    from server import PromptServer

    def on_prompt(data: dict[str, Any]) -> dict[str, Any]:
        # What is no graph is refused by ComfyUI, in its own words.
        with suppress(AttributeError, TypeError):
            for node, text in sayings(data.get("prompt") or {}):
                PromptServer.instance.send_progress_text(text, node, data.get("client_id"))
        return data

    PromptServer.instance.add_on_prompt_handler(on_prompt)
