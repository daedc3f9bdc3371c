"""A PDF's pages as PNG files, one at a time, painted by a process that may die without harm."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from nova_mme.documents import pdf_painter
from nova_mme.errors import BadSource, NovaMMEError, Reason, Unfinished

log = logging.getLogger(__name__)

# A viewer looks for the end mark here (Adobe's PDF reference 1.7, appendix H, note 18). A file without it was cut
# off, and what PDFium would make of the rest might lack pages without a word.
_END_MARK, _END_BYTES = b"%%EOF", 1024

# PDFium's error codes (fpdfview.h). It opens a document of no pages without an error, and pypdfium2 refuses it.
_SUCCESS, _PASSWORD, _SECURITY = 0, 4, 5

# A painter that dies is started again for the next page, but not for ever.
MOST_DEATHS = 5
_ENDED_FROM_OUTSIDE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class BadPage(NovaMMEError):
    """A page that cannot be painted; its neighbours may well be."""


class PdfPages:
    """An open PDF, as a context manager.

    :ivar count: how many pages it has; at least one.
    """

    def __init__(
        self,
        path: Path,
        uri: str,
        *,
        most_seconds: float = pdf_painter.MOST_SECONDS,
        most_memory: int = pdf_painter.MOST_MEMORY,
    ) -> None:
        """Open the file.

        :param uri: the source that it was downloaded from, for what is wrong with it.
        :param most_seconds: that opening it, or painting a page, may take.
        :param most_memory: bytes that the painter may take; not in force on macOS.
        :raises BadSource: encrypted, broken, cut off, or without pages.
        """
        self._uri, self._seconds = uri, most_seconds
        self._image = path.with_name("page.png")
        self._arguments = [str(path), str(self._image), str(most_seconds), str(most_memory)]
        self._deaths = 0
        self._painter: subprocess.Popen[str] | None = None
        self._log: IO[bytes] = path.with_name("painter.log").open("w+b")
        _check_end(path, uri)
        try:
            self.count = self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> PdfPages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the painter."""
        self._stop()
        self._log.close()

    def paint(self, page: int) -> Path:
        """Paint a page, counted from 0; returns a PNG file that is good until the next call.

        :raises BadPage: when it cannot be painted, takes too long or too much memory, or crashes PDFium.
        :raises BadSource: when that has happened to so many pages that the document is given up.
        """
        if self._painter is None:
            self._start()
        answer = self._ask(f"{page}\n")
        if answer is None:
            raise BadPage(f"Page {page + 1}: {self._bury()}.")
        if problem := answer.get("problem"):
            raise BadPage(f"Page {page + 1}: {problem}.")
        return self._image

    def _start(self) -> int:
        """Start a painter; returns how many pages it finds."""
        self._painter = subprocess.Popen(
            # -P: the modules beside the script are not to be found as if they were the standard library's.
            [sys.executable, "-P", pdf_painter.__file__, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        answer = self._ask("")
        if answer is None:
            raise BadSource(self._uri, Reason.BROKEN, f"It cannot be opened: {self._bury()}.")
        if "problem" in answer:
            raise self._refuse(answer["code"], answer["problem"])
        return int(answer["pages"])

    def _refuse(self, code: int, problem: str) -> BadSource:
        if code in (_PASSWORD, _SECURITY):
            return BadSource(self._uri, Reason.ENCRYPTED, "It is encrypted, and opens with a password only.")
        if code == _SUCCESS:
            return BadSource(self._uri, Reason.EMPTY, "It has no pages.")
        return BadSource(self._uri, Reason.BROKEN, f"It is no PDF that can be read. {problem}")

    def _ask(self, line: str) -> dict[str, Any] | None:
        """What the painter answers; None when it has died."""
        painter = self._painter
        assert painter, "it was started"
        assert painter.stdin, "with pipes"
        assert painter.stdout, "with pipes"
        try:
            painter.stdin.write(line)
            painter.stdin.flush()
        except BrokenPipeError:
            return None
        answer = painter.stdout.readline()
        return json.loads(answer) if answer.endswith("\n") else None

    def _bury(self) -> str:
        """What the painter died of, in words.

        :raises NovaMMEError: when that says nothing of the document.
        """
        assert self._painter, "it was started"
        code = self._painter.wait()
        self._stop()
        if code >= 0:
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip()
            raise NovaMMEError(f"The PDF painter does not run here (exit code {code}): {said[-2000:]}")
        if -code in _ENDED_FROM_OUTSIDE:
            raise Unfinished("The PDF painter was told to end, as a worker is that shuts down.")
        self._deaths += 1
        if self._deaths >= MOST_DEATHS:
            message = f"{self._deaths} of its pages crashed PDFium or took too long; the rest was not tried."
            raise BadSource(self._uri, Reason.BROKEN, message)
        log.warning("%s: the PDF painter died of signal %d.", self._uri, -code)
        if code == -signal.SIGALRM:
            return f"PDFium took longer than {self._seconds:g} s"
        return f"PDFium crashed ({signal.Signals(-code).name})"

    def _stop(self) -> None:
        painter, self._painter = self._painter, None
        if painter is not None:
            painter.kill()
            painter.communicate()


def _check_end(path: Path, uri: str) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        # Some writers fill the file up to whole blocks.
        file.seek(max(0, size - 64 * _END_BYTES))
        if _END_MARK not in file.read().rstrip(b"\0\r\n\t ")[-_END_BYTES:]:
            message = f"It is cut off: the mark that ends a PDF is missing after {size:,} bytes."
            raise BadSource(uri, Reason.BROKEN, message)
