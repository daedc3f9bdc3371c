"""Links that show a source to a browser for some minutes, without an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.exceptions import BotoCoreError

from nova_mme.modality import Modality, suffix_of
from nova_mme.source import S3Uri

# Long enough to look through results and play one; whoever is shown a link can use it as long.
SECONDS = 15 * 60

# What a browser may show, by extension. Text is plain whatever it holds: an .html file is read, never run.
_TYPES = {
    **dict.fromkeys(Modality.TEXT.suffixes, "text/plain; charset=utf-8"),
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mov": "video/mp4",  # the same container; browsers refuse to try video/quicktime
    "webm": "video/webm",
    "mkv": "video/webm",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
}


@dataclass(frozen=True, slots=True)
class MediaLinks:
    """Signs links to the sources of one deployment, and to nothing else.

    :ivar s3: a boto3 client with an explicit endpoint, that browsers reach, of the bucket's own Region: without one
        botocore signs for the global endpoint, which redirects to a host that the signature is not for.
    :ivar root: the deployment's ``source_uri``.
    """

    s3: Any
    root: S3Uri
    seconds: int = SECONDS

    def sign(self, uri: str) -> str | None:
        """A link to a source; None for what is not below the root, or cannot be signed for want of credentials.

        S3 is not asked: a link to an object that is gone answers 404. Its owner cannot be checked either: the header
        that would is one that a browser does not send.
        """
        if not is_below(uri, self.root):
            return None
        place = S3Uri.parse(uri)
        kind = _TYPES.get(suffix_of(place.key))
        name = quote(place.key.rsplit("/", 1)[-1], safe="")
        request = {
            "Bucket": place.bucket,
            "Key": place.key,
            "ResponseContentType": kind or "application/octet-stream",
            "ResponseContentDisposition": f"{'inline' if kind else 'attachment'}; filename*=UTF-8''{name}",
        }
        try:
            return str(self.s3.generate_presigned_url("get_object", Params=request, ExpiresIn=self.seconds))
        except (
            BotoCoreError
        ):  # no credentials: the search that found it had its own, and is still worth showing
            return None

    @property
    def folder(self) -> str:
        """The URL that every link begins with; empty when none can be made."""
        link = urlsplit(self.sign(str(self.root.join("x"))) or "")
        return f"{link.scheme}://{link.netloc}{link.path.removesuffix('x')}" if link.netloc else ""


def is_below(uri: str, root: S3Uri) -> bool:
    """Whether a text is the URI of an object below a place, taken as a folder: one that listing it would find."""
    folder = root.join("x")
    start = str(folder)[:-1]
    return uri.startswith(start) and len(uri) > len(start)
