/** What a result looks and sounds like: a picture, a player that starts where it was found, or its words. */

import { askSource } from "./gateway.js";
import { icon, link, make, safe } from "./element.js";
import { mark } from "./snippet.js";
import { flatten, place } from "./wording.js";

const PLAYED = ["video", "audio"];

// Links run out and a search may find a thousand: what is not near the window is not loaded yet.
const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      entry.target.dispatchEvent(new Event("near"));
    }
  },
  { rootMargin: "300px" },
);

/** A result's medium: `node` to show, and `show(span, isPlayed)` to go to another part of it. */
export function makePlayer(result, words) {
  if (["image", ...PLAYED].includes(result.modality)) return new Medium(result);
  return new Passage(result, words);
}

/** Words, or the number of a page. */
class Passage {
  constructor(result, words) {
    this.result = result;
    this.words = words;
    this.node = make("div", { class: "medium passage" });
    this.show(result.spans[0]);
  }

  show(span) {
    const text = flatten(span.snippet ?? "");
    const words = text ? make("blockquote", {}, mark(text, this.words)) : null;
    const whole = flatten(span.text ?? "");
    const all = whole.length > text.length + 2 ? this.fold(whole) : null;
    const page = span.first_page === undefined ? null : this.page(span);
    const nothing =
      words || page ? null : make("p", { class: "quiet" }, icon(this.result.modality), "No text was stored.");
    this.node.replaceChildren(...[page, words, all, nothing].filter(Boolean));
  }

  page(span) {
    const address = this.result.media_url ? `${this.result.media_url}#page=${span.first_page}` : null;
    const told = [icon("document"), make("span", {}, place(span))];
    return link(address, "_blank", { class: "sheet", title: "Open the document at this page" }, ...told);
  }

  fold(text) {
    const body = make("p", {});
    const details = make("details", {}, make("summary", {}, "All of this passage"), body);
    details.addEventListener("toggle", () => body.replaceChildren(...mark(text, this.words)), { once: true });
    return details;
  }
}

/** An image, a video or a sound, behind a link that runs out. */
class Medium {
  constructor(result) {
    this.result = result;
    this.address = safe(result.media_url);
    this.start = result.spans[0].start_seconds ?? 0;
    this.isRenewed = false;
    this.node = make("div", { class: `medium ${result.modality}` }, icon(result.modality));
    this.node.addEventListener("near", () => (this.address ? this.load() : this.fail()), { once: true });
    near.observe(this.node);
  }

  show(span, isPlayed) {
    this.start = span.start_seconds ?? 0;
    if (!this.address) return this.fail();
    if (!this.player) {
      near.unobserve(this.node);
      this.load();
    } else if (this.player.readyState >= HTMLMediaElement.HAVE_METADATA) this.player.currentTime = this.start;
    else this.player.src = this.part();
    if (isPlayed && this.player?.play) this.play();
  }

  load() {
    const name = flatten(this.result.name);
    if (this.result.modality === "image") {
      this.player = make("img", { alt: name, src: this.address, decoding: "async" });
    } else {
      const label = `${this.result.modality === "video" ? "Video" : "Sound"}: ${name}`;
      const attributes = { controls: true, preload: "metadata", src: this.part(), "aria-label": label };
      this.player = make(this.result.modality, attributes);
    }
    this.player.addEventListener("error", () => this.renew());
    const isSound = this.result.modality === "audio";
    this.node.replaceChildren(...(isSound ? [icon("audio")] : []), this.player);
  }

  /** The address of the part: where the first frame is taken from, and where playing starts. */
  part() {
    return this.start ? `${this.address}#t=${this.start}` : this.address;
  }

  play() {
    // Refused when the file cannot be played, which the error event tells, or overtaken by another click.
    this.player.play().catch((error) => console.info(`Not played: ${error.message}`));
  }

  /** The link may have run out: one new one is asked for, and then it is told. */
  async renew() {
    if (this.isRenewed) return this.fail();
    this.isRenewed = true;
    this.start = this.player.currentTime || this.start;
    return this.reload();
  }

  async reload() {
    const told = await askSource(this.result.uri).catch((error) => ({
      media_url: null,
      problem: error.message,
    }));
    this.address = safe(told.media_url);
    this.result.media_url = this.address;
    if (this.address) this.load();
    else this.fail(told.problem);
  }

  fail(problem) {
    const why =
      problem ??
      (this.address
        ? "It cannot be shown here."
        : "There is no link to this file: it is outside of the configured bucket.");
    const more =
      this.address && !problem ? " It may be gone, or of a format that this browser cannot play." : "";
    const again = make(
      "button",
      { type: "button", class: "plain", onclick: () => this.reload() },
      icon("retry"),
      "Try a new link",
    );
    const open = this.address ? link(this.address, "_blank", { class: "plain" }, "Open the file") : null;
    this.player = null;
    this.node.replaceChildren(
      make(
        "div",
        { class: "lost" },
        icon(this.result.modality),
        make("p", {}, why + more),
        make("p", {}, again, open),
      ),
    );
  }
}
