"""A visit to the page in a real browser: what is done there, and all that the browser asked for and complained of."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request

# Gives a file to the page as a drop would; a real drag needs a desktop.
_DROP = """([name, type, content]) => {
  const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type }));
  for (const kind of ["dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
}"""


@dataclass
class Visit:
    """One tab.

    :ivar home: the page's address.
    :ivar requests: every address that the browser asked.
    :ivar complaints: errors on the console, and exceptions that nobody caught.
    """

    page: Page
    home: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._note_request)
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, **state: Any) -> Visit:
        """Open the page in a state, by its address alone."""
        self.page.goto("about:blank")
        self.page.goto(self.home + (f"#{urlencode(state)}" if state else ""))
        return self

    def search(self, text: str) -> Visit:
        """Type and send, and wait for what is found."""
        self.words.fill(text)
        self.words.press("Enter")
        return self.settle()

    def settle(self) -> Visit:
        """Wait until nothing is asked any more."""
        self.page.locator("#found:not([aria-busy])").wait_for(state="attached")
        return self

    def drop(self, file: Path, name: str = "") -> None:
        """Drop a file on the page."""
        content = base64.b64encode(file.read_bytes()).decode()
        kind = mimetypes.guess_type(file.name)[0] or ""
        self.page.evaluate(_DROP, [name or file.name, kind, content])

    def drop_and_search(self, file: Path, name: str = "") -> Visit:
        """Drop a file, and wait for what is found with it."""
        with self.page.expect_response("**/api/*"):
            self.drop(file, name)
        return self.settle()

    @property
    def words(self) -> Locator:
        """Where one types."""
        return self.page.get_by_label("What to search for")

    @property
    def told(self) -> str:
        """The line above what was found."""
        return self.page.locator("#told").inner_text()

    @property
    def trouble(self) -> str:
        """What went wrong, as it is told."""
        return self.page.locator("#trouble p").first.inner_text()

    @property
    def names(self) -> list[str]:
        """The names on the cards, best first."""
        return self.page.locator(".card h3").all_inner_texts()

    def card(self, name: str) -> Locator:
        """The card of a file."""
        heading = self.page.get_by_role("heading", name=name, exact=True)
        return self.page.locator(".card", has=heading)

    def bodies(self, path: str) -> list[Any]:
        """What was sent to one of the API's routes from now on, in order."""
        sent: list[Any] = []

        def note(request: Request) -> None:
            if request.url.endswith(path):
                sent.append(json.loads(request.post_data or "null"))

        self.page.on("request", note)
        return sent

    def expect_refusal(self, status: int) -> None:
        """Forget the browser's own complaint about an answer of this status; there has to be one."""
        kept = [one for one in self.complaints if not re.search(rf"status of {status}\b", one)]
        assert len(kept) < len(self.complaints), self.complaints
        self.complaints[:] = kept

    def assert_local(self) -> None:
        """Nothing was asked of another machine."""
        hosts = {
            urlsplit(url).hostname
            for url in self.requests
            if not url.startswith(("blob:", "about:", "data:"))
        }
        assert hosts <= {"127.0.0.1", "localhost"}, hosts

    def assert_clean(self) -> None:
        """Nothing was complained of, and nothing was asked of another machine."""
        self.assert_local()
        assert not self.complaints, self.complaints

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _note_message(self, message: ConsoleMessage) -> None:
        # Of Airflow's own frame; whether its sandbox is one is Airflow's business.
        if message.type in ("error", "warning") and "can escape its sandboxing" not in message.text:
            self.complaints.append(message.text)
