"""`python training/words.py`: the nodes' words in every language, as ComfyUI's page reads them.

`words/LANGUAGE.json` has a translation for every English sentence that a node says; `locales/LANGUAGE/nodeDefs.json` is
made of them. What is missing, and what no node says any more, is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from schemas import Schema, schemas

WORDS, LOCALES = Path(__file__).parent / "words", Path(__file__).parents[1] / "locales"
MEANT = {("FaceVeilVerdict", "protected"): "protected, yes or no"}
"""Outputs called by a word that means another thing elsewhere: there the protected picture, here an answer."""
LANGUAGES = ("de", "es", "fr", "ja", "ko", "pt-BR", "ru", "zh", "zh-TW")


def definitions(known: list[Schema]) -> dict[str, object]:
    """In English, as `nodeDefs.json` has it."""
    return {
        schema.node_id: {
            "display_name": schema.display_name,
            "description": schema.description,
            "inputs": {
                one.id: {"name": one.given.get("display_name", one.id), **tooltip_of(one.given)}
                for one in schema.inputs
            },
            "outputs": {
                str(place): {"name": meant(schema.node_id, one.given["display_name"]), **tooltip_of(one.given)}
                for place, one in enumerate(schema.outputs)
            },
        }
        for schema in known
    }


def meant(node: str, name: str) -> str:
    """What is translated in the place of an output's name."""
    return MEANT.get((node, name), name)


def tooltip_of(given: dict[str, str]) -> dict[str, str]:
    """Its tooltip, where it has one."""
    return {"tooltip": given["tooltip"]} if given.get("tooltip") else {}


def sentences(tree: object) -> Iterator[str]:
    """Every text in it, in order."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from sentences(value)


def translated(tree: object, words: dict[str, str]) -> object:
    """The same with every text replaced; one without a translation stays English."""
    if isinstance(tree, str):
        return words.get(tree, tree)
    return {name: translated(value, words) for name, value in tree.items()} if isinstance(tree, dict) else tree


def words_of(language: str) -> dict[str, str]:
    path = WORDS / f"{language}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def as_text(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def main() -> int:
    english = definitions(schemas())
    wanted, lacking = dict.fromkeys(sentences(english)), 0
    for language in LANGUAGES:
        words = words_of(language)
        missing, stale = [text for text in wanted if text not in words], [text for text in words if text not in wanted]
        for what, texts in (("has no word for", missing), ("translates what nobody says:", stale)):
            for text in texts:
                print(f"{language} {what} {json.dumps(text, ensure_ascii=False)}")  # noqa: T201
        lacking += len(missing) + len(stale)
        target = LOCALES / language / "nodeDefs.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(as_text(translated(english, words)), encoding="utf-8")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
