"""Look at the first bytes of an object before it costs money: is it what its name says?"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Any

import filetype
from botocore.exceptions import ClientError

from nova_mme.errors import BadSource, Reason
from nova_mme.modality import Modality
from nova_mme.source import Source

# Enough for every signature that filetype knows, and for the brand of an MP4 family file.
HEAD_BYTES = 8192

# What filetype calls a format, where the schema calls it otherwise.
_SCHEMA_NAMES = {"jpg": "jpeg", "m4v": "mp4", "mpg": "mpeg"}

# Formats that share a container: a name of one and bytes of another are no mistake worth a dead letter.
_SAME_FAMILY = (frozenset({"mp4", "mov", "3gp"}), frozenset({"mkv", "webm"}), frozenset({"mpeg", "mpg"}))

# Formats whose files may begin in more ways than filetype knows (an MP3 without a tag, an MP4 of a rare
# brand): bytes that nobody recognises are left for the model to judge.
_LOOSE = frozenset({"mp3", "mp4", "mov", "3gp", "mpeg", "mpg"})

# Control characters that no text has: all but tab, line ends, form feed, backspace and escape.
_CONTROLS = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f]")

_TEXT_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an object turned out to be.

    :ivar media_format: the schema's name of the format that the bytes have; ``text`` for text.
    :ivar content_type: what S3 says of the object.
    """

    media_format: str
    content_type: str


def inspect(s3: Any, source: Source, modality: Modality, *, owner: str | None = None) -> Inspection:
    """Check one source within the model's limits, by size and by its first 8 KiB.

    :raises BadSource: empty, too large, missing, unreadable, or not what its name says.
    """
    if source.size == 0:
        raise BadSource(source.uri, Reason.EMPTY, "The file is empty (0 bytes).")
    if source.size > modality.limits.max_bytes:
        raise BadSource(
            source.uri,
            Reason.TOO_LARGE,
            f"The file has {source.size:,} bytes; the model takes {modality.limits.max_bytes:,} of {modality}.",
        )
    head, content_type = _read_head(s3, source, owner)
    return Inspection(_real_format(head, source, modality), content_type)


def _read_head(s3: Any, source: Source, owner: str | None) -> tuple[bytes, str]:
    place = source.location
    request = {
        "Bucket": place.bucket,
        "Key": place.key,
        "Range": f"bytes=0-{HEAD_BYTES - 1}",
        "IfMatch": f'"{source.etag}"',
    }
    if owner:
        request["ExpectedBucketOwner"] = owner
    try:
        answer = s3.get_object(**request)
        return answer["Body"].read(), answer.get("ContentType", "")
    except ClientError as error:
        raise unreadable(source.uri, error) from error


def unreadable(uri: str, error: ClientError) -> BadSource:
    """What S3's refusal means for the source; throttles and faults are raised again, for the task to retry."""
    code = error.response["Error"]["Code"]
    if code in ("PreconditionFailed", "412"):
        return BadSource(uri, Reason.CHANGED, "The object was changed since it was listed.")
    if code in ("NoSuchKey", "NoSuchBucket", "404", "NotFound"):
        return BadSource(uri, Reason.MISSING, "The object is not there (any more).")
    if code in ("AccessDenied", "403", "Forbidden", "InvalidObjectState") or code.startswith("KMS"):
        return BadSource(uri, Reason.UNREADABLE, f"S3 would not hand it out: {code}.")
    if code == "InvalidRange":
        return BadSource(uri, Reason.EMPTY, "The file is empty (0 bytes).")
    raise error


def _real_format(head: bytes, source: Source, modality: Modality) -> str:
    named = modality.format_of(source.name)
    if named is None:
        raise BadSource(source.uri, Reason.UNSUPPORTED, f"Its extension stands for no format of {modality}.")
    kind = filetype.guess(head)
    if modality is Modality.TEXT:
        if not _is_text(head):  # asked first: many a signature is two letters long, and may begin a text
            held = f"{kind.mime} data" if kind else "binary data"
            raise BadSource(source.uri, Reason.WRONG_CONTENT, f"Named as text, but it holds {held}.")
        return named
    found = _SCHEMA_NAMES.get(kind.extension, kind.extension) if kind else None
    if found == named or any(found in family and named in family for family in _SAME_FAMILY):
        return named
    if found in modality.formats:
        return str(found)  # a PNG named .jpg: the same modality, so tell the model the truth
    if kind is None and named in _LOOSE and not _is_text(head):
        return named
    shown = kind.mime if kind else ("plain text" if _is_text(head) else "nothing that is known")
    raise BadSource(source.uri, Reason.WRONG_CONTENT, f"Named as {modality} ({named}), but it holds {shown}.")


def _is_text(head: bytes) -> bool:
    encoding = next((name for mark, name in _TEXT_MARKS if head.startswith(mark)), "utf-8")
    try:
        # final=False: the head may end inside a character
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=False)
    except UnicodeDecodeError:
        return False
    return not _CONTROLS.search(text)
