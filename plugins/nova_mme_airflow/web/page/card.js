/** A result as a card. */

import { runAddress } from "./gateway.js";
import { icon, link, make } from "./element.js";
import { makePlayer } from "./player.js";
import { day, flatten, nameOf, place, size } from "./wording.js";

const COSINE =
  "Cosine similarity of the query and the best part: 1 is the same, 0 is unrelated. Only scores of one search can be compared.";

/**
 * The card of a result.
 *
 * @param words the query's, to mark them.
 * @param onLike called with the source (and the segment of the part that is shown) to find more like it.
 */
export function makeCard(result, { rank, words, onLike }) {
  const player = makePlayer(result, words);
  const shown = { span: result.spans[0] };
  const name = flatten(result.name);
  const card = make(
    "article",
    {
      class: `card is-${nameOf(result.modality).toLowerCase()}`,
      tabindex: "-1",
      "aria-label": `${rank}. ${name}`,
    },
    player.node,
    make(
      "div",
      { class: "card-body" },
      make("h3", { title: flatten(result.uri) }, link(result.media_url, "_blank", { tabindex: "0" }, name)),
      facts(result),
      score(result.score),
      parts(result, (span) => {
        shown.span = span;
        player.show(span, true);
      }),
      actions(result, () => onLike(result.uri, place(shown.span) ? segmentOf(shown.span) : null)),
    ),
  );
  card.open = () => player.show(shown.span, true);
  return card;
}

/** The score as a number and a bar. */
export function score(value) {
  const bar = make("span", { class: "bar-fill" });
  bar.style.inlineSize = `${Math.max(0, Math.min(1, value)) * 100}%`;
  return make(
    "p",
    { class: "score", title: COSINE },
    make("span", { class: "aside" }, "Score "),
    make("span", { class: "score-number" }, value.toFixed(3)),
    make("span", { class: "bar", "aria-hidden": "true" }, bar),
  );
}

/** The segment that a span's best one is: what its key ends with. */
const segmentOf = (span) => Number(span.key.split("/").pop());

function facts(result) {
  const told = [
    nameOf(result.modality),
    result.size === undefined ? "" : size(result.size),
    result.uploaded === undefined ? "" : day(result.uploaded),
  ];
  const folder = flatten(result.uri)
    .replace(/^s3:\/\/[^/]+\//, "")
    .split("/")
    .slice(0, -1)
    .join("/");
  return make(
    "p",
    { class: "facts" },
    icon(result.modality),
    make("span", {}, told.filter(Boolean).join(" · ")),
    folder ? make("span", { class: "folder", title: flatten(result.uri) }, `${folder}/`) : null,
  );
}

function parts(result, onChoose) {
  const places = result.spans.map(place);
  if (!places.some(Boolean)) return null;
  const isPlayed = ["video", "audio"].includes(result.modality);
  const buttons = result.spans.map((span, index) => {
    const choose = () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === buttons[index]));
      onChoose(span);
    };
    const label = `${isPlayed ? "Play" : "Show"} ${places[index]}, score ${span.score.toFixed(3)}`;
    const attributes = {
      type: "button",
      class: "span",
      "aria-label": label,
      title: label,
      "aria-pressed": String(index === 0),
    };
    return make("button", { ...attributes, onclick: choose }, isPlayed ? icon("play") : null, places[index]);
  });
  return make("div", { class: "spans", role: "group", "aria-label": "Where it was found" }, ...buttons);
}

function actions(result, onLike) {
  const address = runAddress(result.run);
  const told = address ? flatten(`${result.run.dag_id}, ${result.run.run_id}`) : "";
  return make(
    "p",
    { class: "actions" },
    make("button", { type: "button", class: "plain", onclick: onLike }, icon("like"), "More like this"),
    address
      ? link(
          address,
          "_top",
          { class: "plain", title: `The run that embedded it: ${told}` },
          icon("run"),
          "Run",
        )
      : null,
  );
}
