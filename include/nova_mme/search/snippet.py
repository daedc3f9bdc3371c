"""The part of a text that shows why it was found."""

from __future__ import annotations

import re

LENGTH = 240
# What goes before the first word that was looked for.
_LEAD = 40
# Shorter words (a, of, the) are everywhere.
_SHORTEST = 4


def cut_snippet(text: str, words: str = "", length: int = LENGTH) -> str:
    """At most ``length`` characters of a text, where most of the query's words are; else its beginning.

    :param words: the query; empty for one that has none.
    :returns: in one line, with an ellipsis where something was left out.
    """
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    start = _find_start(line, words, length)
    end = start + length - 2  # room for both ellipses
    if end >= len(line):
        start, end = max(0, len(line) - length + 1), len(line)
    part = line[start:end]
    if start:
        part = "…" + (part.partition(" ")[2] or part)
    if end < len(line):
        part = (part.rpartition(" ")[0] or part) + "…"
    return part


def _find_start(line: str, words: str, length: int) -> int:
    wanted = {word for word in re.findall(r"\w+", words.casefold()) if len(word) >= _SHORTEST}
    if not wanted:
        return 0
    folded = line.lower()
    if len(folded) != len(line):  # a letter grew: the places would not be the line's
        folded = "".join(small if len(small := letter.lower()) == 1 else letter for letter in line)
    places = [(match.start(), match[0]) for match in re.finditer(r"\w+", folded) if match[0] in wanted]
    best, most, first = 0, 0, 0
    for last in range(len(places)):
        while places[last][0] - places[first][0] > length - 2 * _LEAD:
            first += 1
        count = len({word for _, word in places[first : last + 1]})
        if count > most:
            best, most = places[first][0], count
    return max(0, best - _LEAD)
