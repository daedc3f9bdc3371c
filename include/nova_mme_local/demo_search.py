"""The demo's searches: over the sample media with known answers, over a person's own media with queries from them."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

from nova_mme.modality import Modality
from nova_mme.search.condition import Equals
from nova_mme.search.query import MediaQuery, TextQuery, choose_purpose, embed_query
from nova_mme.search.retrieval import Hit, find_nearest
from nova_mme.space import Space
from nova_mme_local.airflow_settings import MODEL_REVISION, VECTOR_BUCKET
from nova_mme_local.media import Media, MediaFile
from nova_mme_local.samples.searches import SEARCHES
from nova_mme_local.screen import Screen

_SHOWN = 3
# More than are shown: neighbouring segments of one file count once.
_ASKED = 30
_QUERIES = frozenset({Modality.IMAGE, Modality.AUDIO, Modality.VIDEO})
_LARGEST_EXAMPLE = 5 * 1024 * 1024  # bytes; a query travels inside its request

WHO_ANSWERED = (
    f"Answered by the local stand-in embedder {MODEL_REVISION}, which compares words, colours, shapes and sound; "
    "it is not Nova, which understands what is said and shown."
)


@dataclass(frozen=True, slots=True)
class Question:
    """A search to show: its title, the query and its words or file name.

    :ivar finds: the names that it should find.
    :ivar page: of a document, which page; counted from 1.
    """

    title: str
    asked: str
    query: TextQuery | MediaQuery
    modality: Modality | None = None
    finds: tuple[str, ...] = ()
    page: int | None = None

    def is_answered(self, best: Hit) -> bool:
        """Whether the best hit is one that it should be."""
        page = best.metadata.get("pageNumber")
        return best.metadata.get("fileName") in self.finds and self.page in (None, page)


class Searcher:
    """Searches the vectors of the local stack, in its first space unless told another."""

    def __init__(self, *, bedrock: Any, s3vectors: Any, space: Space | None = None) -> None:
        self._space = space or Space(revision=MODEL_REVISION)
        self._bedrock = bedrock
        self._s3vectors = s3vectors

    def find(self, question: Question) -> list[Hit]:
        """Return the best segment of each of the files nearest to the question, at 1024 dimensions."""
        modality = question.modality
        vector = embed_query(
            question.query,
            1024,
            bedrock=self._bedrock,
            space=self._space,
            purpose=choose_purpose(modality),
        )
        hits = find_nearest(
            vector,
            s3vectors=self._s3vectors,
            vector_bucket=VECTOR_BUCKET,
            space=self._space,
            top_k=_ASKED,
            condition=Equals("modality", modality.value) if modality else None,
        )
        best: dict[str, Hit] = {}
        for hit in hits:
            best.setdefault(str(hit.metadata.get("sourceS3Uri", hit.key)), hit)
        return list(best.values())[:_SHOWN]

    def show(self, questions: Sequence[Question], screen: Screen) -> None:
        """Print each question and what it found; at the end, how many found what they should."""
        right = 0
        for question in questions:
            screen.say()
            screen.wrap(question.title, "  ")
            screen.say(f"  {screen.paint(question.asked, 'bold')}")
            try:
                hits = self.find(question)
            except ClientError as error:  # a person's own file may be no query: a clip of over 30 s, say
                screen.wrap(f"cannot be asked: {error.response['Error']['Message']}", "    ")
                continue
            for hit in hits:
                screen.say(describe(hit))
            if not hits:
                screen.say("    nothing")
            right += bool(hits) and question.is_answered(hits[0])
        known = sum(bool(question.finds) for question in questions)
        screen.say()
        if known:
            screen.say(f"  {right} of {known} searches found first what they should.")


def choose_questions(media: Media, *, own: bool, failed: Container[str] = ()) -> list[Question]:
    """Return the searches for the media that were embedded: the prepared ones, or some made of their own names.

    `failed` are the keys of files that have no vectors: nobody asks for those.
    """
    return ask_own(media, failed) if own else ask_samples()


def ask_samples() -> list[Question]:
    """Return the prepared searches over the sample media."""
    questions = []
    for prepared in SEARCHES:
        modality = Modality(prepared.modality) if prepared.modality else None
        query: TextQuery | MediaQuery
        if prepared.path:
            query, asked = MediaQuery(prepared.path.name, prepared.path.read_bytes()), prepared.path.name
        else:
            query, asked = TextQuery(prepared.query_text or ""), f'"{prepared.query_text}"'
        questions.append(Question(prepared.title, asked, query, modality, prepared.finds, prepared.page))
    return questions


def ask_own(media: Media, failed: Container[str] = ()) -> list[Question]:
    """Return searches for one file of each modality by the words of its name, and one with a file as the query."""
    files = [file for file in media.files if file.key not in failed]
    # The stand-in gets a PDF as pictures of its pages, which are named by their numbers.
    firsts = {file.modality: file for file in reversed(files) if file.path.suffix.lower() != ".pdf"}
    questions = []
    for modality in Modality:
        words = _read_name(firsts[modality]) if modality in firsts else ""
        if words:
            title = f"The name of {_article(modality)} {modality} file"
            questions.append(Question(title, f'"{words}"', TextQuery(words)))
    # Pictures first: a sound or a clip of over 30 seconds is no query.
    examples = sorted(filter(_is_example, files), key=lambda file: file.modality is not Modality.IMAGE)
    return questions + [_ask_with(file) for file in examples[:1]]


def _article(modality: Modality) -> str:
    return "an" if modality in (Modality.IMAGE, Modality.AUDIO) else "a"


def describe(hit: Hit) -> str:
    """Return a line: score, file, modality, and which part or page of the file, or what it says."""
    facts = hit.metadata
    line = f"    {hit.score:5.2f}  {facts.get('fileName', hit.key):<32} {facts.get('modalityType', ''):<8}"
    return f"{line} {_describe_part(facts)}".rstrip()[:98]


def _describe_part(facts: dict[str, Any]) -> str:
    if "segmentStartSeconds" in facts and "segmentEndSeconds" in facts:
        return f"{facts['segmentStartSeconds']:.0f}-{facts['segmentEndSeconds']:.0f} s"
    if "pageNumber" in facts:
        return f"page {facts['pageNumber']:.0f}"
    text = " ".join(str(facts.get("text", "")).split())
    return f'"{text[:40]}..."' if text else ""


def _read_name(file: MediaFile) -> str:
    stem = PurePosixPath(file.key).stem
    return " ".join(word for word in re.findall(r"[^\W\d_]+", stem) if len(word) > 1)


def _is_example(file: MediaFile) -> bool:
    return file.modality in _QUERIES and file.path.stat().st_size <= _LARGEST_EXAMPLE


def _ask_with(file: MediaFile) -> Question:
    query = MediaQuery(file.path.name, file.path.read_bytes())
    return Question(
        f"{_article(file.modality).capitalize()} {file.modality} file, and what is like it",
        file.path.name,
        query,
    )
