"""Didit, Face Match: sold by the call to anybody with a card, and asked to keep nothing of what it is shown."""

from __future__ import annotations

from .http import as_documented, post_form, refused, server
from .service import About, Answer, key_from

_URL = "https://verification.didit.me"
_FACELESS = {"NO_REFERENCE_IMAGE", "NO_FACE_DETECTED"}
"""Warnings by which it says that there was nothing to compare; its score is 0 or nothing then."""
_MEANT = {
    "not enough credits": "has no credits left in this account. Top them up in its console.",
    "too large": "finds a picture too large. Use a smaller copy of the photo.",
}


class Didit:
    about = About(
        name="didit",
        title="Didit Face Match",
        place="verification.didit.me, or the server that DIDIT_URL names",
        price="about $0.05 a call",
        keys="set DIDIT_API_KEY in the environment, from its console under API keys",
        source="https://docs.didit.me/standalone-apis/face-match",
        threshold=0.30,
        thresholds_from="Didit's own default for declining, which it calls permissive",
        pause=0.2,
    )

    def __init__(self) -> None:
        self.key = key_from("DIDIT_API_KEY", self.about)
        self.url, self.about = server(self.about, "DIDIT_URL", _URL)

    def compare(self, one: bytes, other: bytes) -> Answer:
        about = self.about
        reply = post_form(
            about.title,
            f"{self.url}/v3/face-match/",
            {"save_api_request": "false"},
            {"user_image": one, "ref_image": other},
            {"x-api-key": self.key},
        )
        if reply.status != 200:
            raise refused(about.title, reply, _MEANT, about.keys)
        with as_documented(about.title):
            data = reply.data["face_match"]
            if _FACELESS & {warning["risk"] for warning in data.get("warnings") or ()} or data["score"] is None:
                return Answer(None)
            return Answer(float(data["score"]) / 100)
