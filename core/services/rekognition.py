"""AWS Rekognition, CompareFaces, by Amazon's own client: keys and region stand where its other tools look for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import ModelError, ServiceError
from ..plain import plain
from .service import About, Answer, Busy

_BUSY = {
    "ThrottlingException": "is asked too often",
    "ProvisionedThroughputExceededException": "is asked too often",
    "InternalServerError": "has a fault of its own",
}
_KEYS = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SubscriptionRequiredException",
    "UnrecognizedClientException",
}
_MEANT = {
    "ImageTooLargeException": "finds a picture too large. Use a smaller copy of the photo.",
    "InvalidImageFormatException": "could not read a picture. Look whether the photo opens elsewhere.",
    "LimitExceededException": "says that this account's quota is used up. Wait for the next month, or raise it.",
    "ServiceQuotaExceededException": "says that this account's quota is used up. Wait for the next month, or raise it.",
}
_FACELESS = "InvalidParameterException"
"""What CompareFaces answers when it finds no face in one of the pictures; all other parameters are ours, and valid."""


class Rekognition:
    about = About(
        name="rekognition",
        title="AWS Rekognition",
        place="the region of your AWS settings",
        price="about $0.001 a call",
        keys="give boto3 a key with the permission rekognition:CompareFaces, in AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY or in ~/.aws/credentials",
        source="https://docs.aws.amazon.com/rekognition/latest/APIReference/API_CompareFaces.html",
        threshold=0.80,
        thresholds_from="AWS's default SimilarityThreshold",
        size=4_900_000,
    )

    def __init__(self) -> None:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise ModelError(
                "Asking AWS Rekognition takes Amazon's client: pip install 'faceveil[rekognition]', or boto3."
            ) from error
        try:
            session = boto3.Session()
            if session.get_credentials() is None:
                raise ModelError(f"{self.about.title} has to know whose account to charge: {self.about.keys}.")
            if not session.region_name:
                raise ModelError("No AWS region is set: name one in AWS_DEFAULT_REGION or ~/.aws/config.")
            # Trying again is ours: it is counted, and the same for every service.
            config = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 1})
            self.client = session.client("rekognition", config=config)
        except (BotoCoreError, ValueError) as error:
            raise ModelError(f"The AWS settings are not usable: {plain(error)}") from error
        self.about = replace(self.about, place=f"{session.region_name}, {self.client.meta.endpoint_url}")

    def compare(self, one: bytes, other: bytes) -> Answer:
        from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, SSLError

        title = self.about.title
        try:
            response = self.client.compare_faces(
                SourceImage={"Bytes": one},
                TargetImage={"Bytes": other},
                SimilarityThreshold=0.0,  # every similarity is wanted, not those alone that it calls a match
                QualityFilter="NONE",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == _FACELESS:
                return Answer(None)
            raise self._refused(error.response) from error
        except SSLError as error:
            raise ServiceError(f"Whoever answers for {title} cannot prove to be it: nothing was sent.") from error
        except (HTTPClientError, ConnectionError) as error:  # no answer in time, or no way there
            raise Busy(f"{title} could not be reached ({plain(error)[:160]}).") from error
        except BotoCoreError as error:
            raise ServiceError(f"{title} could not be asked: {plain(error)[:160]}") from error
        found = [float(match["Similarity"]) for match in response.get("FaceMatches", ())]
        if not found and not response.get("UnmatchedFaces"):
            return Answer(None)
        return Answer(max(found, default=0.0) / 100)

    def _refused(self, response: Mapping[str, Any]) -> ServiceError:
        title, error = self.about.title, response.get("Error", {})
        code, status = error.get("Code", ""), response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _BUSY or status == 429 or status >= 500:
            return Busy(f"{title} {_BUSY.get(code, f'has a fault of its own ({status})')}.")
        if code in _MEANT:
            return ServiceError(f"{title} {_MEANT[code]}")
        if code in _KEYS:
            return ServiceError(f"{title} does not accept the key ({plain(code)}): {self.about.keys}.")
        return ServiceError(f"{title} refused ({plain(code)}): {plain(error.get('Message', ''))[:160]}")
