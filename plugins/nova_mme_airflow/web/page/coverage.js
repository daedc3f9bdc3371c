/** How much of what is known a space holds, by modality: a bar of what is stored, in flight, failed and missing. */

import { make } from "./element.js";
import { nameOf, number, percent } from "./wording.js";

const PARTS = {
  stored: "stored",
  partial: "in part",
  submitted: "in flight",
  failed: "failed",
  missing: "missing",
};

/** The bars of a space. */
export function showCoverage(modalities) {
  const entries = Object.entries(modalities);
  if (!entries.length) return make("p", { class: "quiet" }, "It holds nothing yet.");
  return make("div", { class: "coverage" }, legend(entries), ...entries.map(row));
}

function row([modality, one]) {
  const told = Object.entries(PARTS)
    .filter(([name]) => one[name])
    .map(([name, label]) => `${number(one[name])} ${label}`);
  if (one.stale) told.push(`${number(one.stale)} under another recipe`);
  const bar = make("span", {
    class: "stack",
    role: "img",
    "aria-label": `${nameOf(modality)}: ${told.join(", ") || "none"}`,
  });
  for (const name of Object.keys(PARTS)) {
    if (!one[name]) continue;
    const part = make("span", { class: `part is-${name}`, title: `${number(one[name])} ${PARTS[name]}` });
    part.style.flexGrow = String(one[name]);
    bar.append(part);
  }
  return make(
    "div",
    { class: "coverage-row" },
    make("span", { class: "coverage-name" }, nameOf(modality)),
    bar,
    make("span", { class: "coverage-share" }, percent(one.share)),
    make("span", { class: "quiet coverage-told" }, `${told.join(", ")}; ${number(one.segments)} segments`),
  );
}

function legend(entries) {
  const used = Object.keys(PARTS).filter((name) => entries.some(([, one]) => one[name]));
  const items = used.map((name) =>
    make("span", {}, make("span", { class: `swatch is-${name}` }), PARTS[name]),
  );
  return make("p", { class: "legend quiet", "aria-hidden": "true" }, items);
}
