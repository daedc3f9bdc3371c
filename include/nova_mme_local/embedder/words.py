"""What a text is made of, for the stand-in: stemmed words, pairs of neighbours, and pieces of words."""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections import Counter, defaultdict

_WORD = re.compile(r"[^\W_]+")
# English endings and what takes their place: enough for plurals to meet their singulars. What these rules get
# wrong ("baked", "bake") the pieces of words make up for.
_ENDINGS = tuple(
    (re.compile(pattern), rest)
    for pattern, rest in (
        (r"(?<=\w{3})(?:ing|ed)(?:ly)?$", ""),
        (r"(?<=\w{3})ly$", ""),
        (r"(?<=\w{2})ies$", "y"),
        (r"(?<=ss|ch|sh|\wx)es$", ""),
        (r"(?<=\w\w[^su])s$", ""),
    )
)
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a an and are as at be but by for from had has have he her his i in is it its not of on or our she that"
        " the their them they this to was we were which will with you your"
    )
)
# Below, a word is hardly more than its pieces; above, a typo or another ending costs all.
_PIECE_WEIGHTS = {3: 0.25, 4: 0.35}
_PAIR_WEIGHT = 0.5
_IDEOGRAPHS = (
    "\u2e80"  # from here on, scripts that write no spaces: single characters and pairs carry the sense
)


def weigh_words(text: str) -> dict[str, float]:
    """Return the names of the text's features with their weights; never empty.

    A feature that occurs n times weighs 1 + ln(n), so that a long text is not just its commonest word.
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    kept = [None if word in _STOP_WORDS else _stem(word) for word in words]
    if not any(kept):
        kept = list(words)  # "to be or not to be" is still a text
    counts: defaultdict[str, float] = defaultdict(float)
    for word, times in Counter(word for word in kept if word is not None).items():
        counts[f"w:{word}"] += times
        for piece, weight in _cut_pieces(word):
            counts[piece] += weight * times
    for first, second in zip(kept, kept[1:], strict=False):
        if first is not None and second is not None:
            counts[f"p:{first} {second}"] += _PAIR_WEIGHT
    if not counts:
        return {f"only:{text.strip()}": 1.0}
    return {name: 1 + math.log(count) if count >= 1 else count for name, count in counts.items()}


def split_name(key: str) -> str:
    """Return the words of a file name, without extension and numbers: "a/Red_car-012.jpg" -> "Red car"."""
    stem = key.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem)
    return " ".join(
        word for word in _WORD.findall(spaced) if not any(map(str.isdigit, word)) and len(word) > 1
    )


def _stem(word: str) -> str:
    for pattern, rest in _ENDINGS:
        stem, found = pattern.subn(rest, word)
        if found:
            return stem
    return word


@functools.lru_cache(maxsize=20_000)
def _cut_pieces(word: str) -> tuple[tuple[str, float], ...]:
    if max(word) >= _IDEOGRAPHS:
        return tuple((f"c:{word[i : i + n]}", 0.5) for n in (1, 2) for i in range(len(word) - n + 1))
    marked = f"^{word}$"
    return tuple(
        (f"c:{marked[i : i + size]}", weight)
        for size, weight in _PIECE_WEIGHTS.items()
        for i in range(len(marked) - size + 1)
    )
