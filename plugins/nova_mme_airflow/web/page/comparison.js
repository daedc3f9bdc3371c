/** The same query five ways, side by side: who finds what, in which order, and how much they have in common. */

import { score } from "./card.js";
import { icon, make, safe } from "./element.js";
import { duration, flatten, nameOf, number, percent, place } from "./wording.js";

/** The columns of a comparison, and the matrix of overlaps. */
export function showComparison(comparison, { onLike }) {
  const counts = new Map();
  for (const answer of comparison.answers)
    for (const result of answer.results) counts.set(result.id, (counts.get(result.id) ?? 0) + 1);
  const columns = comparison.answers.map((answer, index) => column(answer, index, counts, onLike));
  const ways = make("div", { class: "ways" }, ...columns);
  watchSame(ways);
  return [ways, matrix(comparison)];
}

/** The comparison in a sentence. */
export function tellComparison(comparison) {
  const found = new Set(comparison.answers.flatMap((answer) => answer.results.map((result) => result.id)));
  const seconds = comparison.answers.map((answer) => answer.seconds);
  return `${number(found.size)} ${found.size === 1 ? "source" : "sources"} found five ways, in ${duration(Math.min(...seconds))} to ${duration(Math.max(...seconds))} each.`;
}

/** "256", or "256 → 3072" of a hierarchical search. */
const wayOf = (answer) =>
  answer.strategy === "flat" ? String(answer.dimension) : `256 → ${answer.dimension}`;

function column(answer, index, counts, onLike) {
  const id = `way-${index}`;
  const rows = answer.results.map((result, rank) =>
    row(result, rank + 1, counts.get(result.id) === 1, onLike),
  );
  const kind = answer.strategy === "flat" ? "dimensions, flat" : "hierarchical";
  return make(
    "section",
    { class: "way", "aria-labelledby": id },
    make(
      "header",
      {},
      make("h2", { id }, wayOf(answer)),
      make("span", { class: "quiet" }, kind),
      make(
        "span",
        { class: "way-time", title: "From the pointer to the last result" },
        duration(answer.seconds),
      ),
    ),
    rows.length ? make("ol", {}, rows) : make("p", { class: "quiet" }, "Nothing was found."),
  );
}

function row(result, rank, isAlone, onLike) {
  const span = result.spans[0];
  const where = [nameOf(result.modality), place(span)].filter(Boolean).join(", ");
  return make(
    "li",
    { "data-source": result.id, class: isAlone ? "is-alone" : null },
    make("span", { class: "rank" }, String(rank)),
    thumbnail(result),
    make(
      "div",
      { class: "row-body" },
      make(
        "button",
        {
          type: "button",
          class: "row-name",
          title: `${flatten(result.uri)}: find more like this`,
          onclick: () => onLike(result.uri, null),
        },
        flatten(result.name),
      ),
      make("span", { class: "quiet row-place" }, where),
      score(result.score),
      isAlone ? make("span", { class: "badge", title: "No other way has found it" }, "only here") : null,
    ),
  );
}

function thumbnail(result) {
  const address = result.modality === "image" ? safe(result.media_url) : null;
  const frame = make("span", { class: "thumbnail", "aria-hidden": "true" }, icon(result.modality));
  if (address) {
    const picture = make("img", { alt: "", src: address, loading: "lazy" });
    picture.addEventListener("error", () => frame.replaceChildren(icon(result.modality)));
    frame.replaceChildren(picture);
  }
  return frame;
}

/** What is under the pointer, or has the focus, is shown in all columns. */
function watchSame(ways) {
  const show = (event) => {
    const source = event.target.closest("li")?.dataset.source;
    for (const item of ways.querySelectorAll("li"))
      item.classList.toggle("is-same", item.dataset.source === source);
  };
  const hide = () => {
    for (const item of ways.querySelectorAll(".is-same")) item.classList.remove("is-same");
  };
  ways.addEventListener("pointerover", show);
  ways.addEventListener("focusin", show);
  ways.addEventListener("pointerleave", hide);
  ways.addEventListener("focusout", hide);
}

function matrix(comparison) {
  const names = comparison.answers.map(wayOf);
  const heads = [make("td", {}), ...names.map((name) => make("th", { scope: "col" }, name))];
  const rows = comparison.overlaps.map((shares, index) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, names[index]),
      shares.map((share, other) => cell(share, index === other)),
    ),
  );
  return make(
    "section",
    { class: "overlaps", "aria-labelledby": "overlaps" },
    make("h2", { id: "overlaps" }, "Overlap"),
    make(
      "p",
      { class: "quiet" },
      "The share of sources that two ways have both found, whatever their order.",
    ),
    make("table", {}, make("thead", {}, make("tr", {}, heads)), make("tbody", {}, rows)),
  );
}

function cell(share, isItself) {
  const told = make("td", { class: isItself ? "is-itself" : "share" }, isItself ? "·" : percent(share));
  told.style.setProperty("--share", String(share));
  return told;
}
