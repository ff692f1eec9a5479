"""Face++ (Megvii), Compare: its thresholds come with every answer, each with the false-accept rate it belongs to."""

from __future__ import annotations

from .http import as_documented, post_form, refused, server
from .service import About, Answer, Busy, key_from

_URL = "https://api-us.faceplusplus.com"
_MEANT = {
    "AUTHENTICATION_ERROR": "does not know this pair of key and secret. Look at FACEPP_API_KEY and FACEPP_API_SECRET.",
    "Insufficient Account Balance": "has no money left in this account. Top it up, or use a free key.",
    "AUTHORIZATION_ERROR": "does not let this key compare faces. Look at what the key may do in its console.",
    "IMAGE_ERROR_UNSUPPORTED_FORMAT": "could not read a picture. Look whether the photo opens elsewhere.",
    "INVALID_IMAGE_SIZE": "takes no picture of this size. Use the photo at another size.",
    "IMAGE_FILE_TOO_LARGE": "finds a picture too large. Use a smaller copy of the photo.",
    "Request Entity Too Large": "finds the pictures too large. Use a smaller copy of the photo.",
}
"""Its own words, as its reference lists them."""


class FacePlusPlus:
    about = About(
        name="facepp",
        title="Face++ Compare",
        place="api-us.faceplusplus.com, or the server that FACEPP_URL names",
        price="nothing with a free key, a fraction of a cent a call with a paid one",
        keys="set FACEPP_API_KEY and FACEPP_API_SECRET in the environment, from its console under API Key",
        source="https://console.faceplusplus.com/documents/5679308",
        thresholds={"1e-3": 0.653, "1e-4": 0.718, "1e-5": 0.765},
        thresholds_from="as Face++ itself states it with its answers",
        side=800,
        size=950_000,  # of a request of two, 2 MB
        pause=1.0,  # free keys share few calls a second
    )

    def __init__(self) -> None:
        self.key, self.secret = (key_from(f"FACEPP_API_{part}", self.about) for part in ("KEY", "SECRET"))
        self.url, self.about = server(self.about, "FACEPP_URL", _URL)

    def compare(self, one: bytes, other: bytes) -> Answer:
        about = self.about
        reply = post_form(
            about.title,
            f"{self.url}/facepp/v3/compare",
            {"api_key": self.key, "api_secret": self.secret},
            {"image_file1": one, "image_file2": other},
        )
        if "CONCURRENCY_LIMIT_EXCEEDED" in reply.text:  # with status 403, though it is no refusal
            raise Busy(f"{about.title} is asked too often.", reply.after)
        if reply.status != 200:
            raise refused(about.title, reply, _MEANT, about.keys)
        data = reply.data
        if "confidence" not in data and [] in (data.get("faces1"), data.get("faces2")):
            return Answer(None)
        with as_documented(about.title):
            return Answer(
                float(data["confidence"]) / 100,
                {rate: float(at) / 100 for rate, at in data.get("thresholds", {}).items()},
            )
