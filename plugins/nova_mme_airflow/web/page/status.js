/** How the deployment stands: spaces and their coverage, the backlog, dead letters, and what it has cost. */

import { showCoverage } from "./coverage.js";
import { showDeadLetters } from "./dead_letters.js";
import { icon, link, make } from "./element.js";
import { runAddress } from "./gateway.js";
import { day, flatten, moment, money, nameOf, number } from "./wording.js";

const BACKLOG = {
  submitted: ["in flight", "Jobs that Bedrock works on"],
  missing: ["missing", "Sources that another space has, and the active one has not"],
  partial: ["stored in part", "Some of their segments have failed"],
  stale: ["other recipe", "Stored under another recipe than the one in force; a backfill mends it"],
  failed: ["failed", "Dead letters: see below"],
};

/** The status as sections. */
export function showStatus(status, onRefresh) {
  const { spaces, backlog, dead_letters: letters, cost } = status;
  return [
    make("div", { class: "figures" }, ...figures(spaces, backlog, cost)),
    make(
      "section",
      { class: "panel", "aria-labelledby": "spaces" },
      heading("spaces", "Spaces", refresh(onRefresh)),
      spaces.length
        ? spaces.map(space)
        : make("p", { class: "quiet" }, "There is none yet: run setup_embeddings."),
    ),
    make(
      "section",
      { class: "panel", "aria-labelledby": "letters" },
      heading("letters", "Dead letters", make("span", { class: "quiet" }, number(letters.total))),
      ...showDeadLetters(letters, status.source_uri),
    ),
    costs(cost),
    make(
      "p",
      { class: "quiet" },
      `Media: ${flatten(status.source_uri)} · vectors: ${flatten(status.vector_bucket)} · counted ${moment(status.as_of)}${status.counting === null ? "" : ", and being counted again"}`,
    ),
  ];
}

/** The status in a sentence. */
export function tellStatus(status) {
  const letters = status.dead_letters.total;
  return `${number(status.spaces.length)} ${status.spaces.length === 1 ? "space" : "spaces"}, ${number(letters)} dead ${letters === 1 ? "letter" : "letters"}.`;
}

const heading = (id, text, ...more) => make("header", {}, make("h2", { id }, text), ...more);

const refresh = (onRefresh) =>
  make("button", { type: "button", class: "plain", onclick: onRefresh }, icon("retry"), "Count again");

function figures(spaces, backlog, cost) {
  const active = Object.values(spaces[0]?.modalities ?? {});
  const sum = (name) => active.reduce((total, one) => total + one[name], 0);
  const waiting = Object.entries(BACKLOG).map(([name, [label, title]]) =>
    figure(number(backlog[name]), label, title, name === "failed" && backlog[name] > 0),
  );
  return [
    figure(number(sum("stored") + sum("partial")), "sources found", "In the active space"),
    figure(number(sum("segments")), "segments", "Vectors in each of the active space's four indexes"),
    ...waiting,
    figure((cost.rough ? "≈ " : "") + money(cost.usd), "so far", `List prices of ${flatten(cost.as_of)}`),
  ];
}

const figure = (value, label, title, isBad = false) =>
  make(
    "p",
    { class: isBad ? "figure is-bad" : "figure", title },
    make("strong", {}, value),
    make("span", {}, label),
  );

function space(one) {
  const isActive = one.state === "active";
  const model = one.revision ? `${one.model_id} ${one.revision}` : one.model_id;
  return make(
    "article",
    { class: isActive ? "space is-active" : "space" },
    make("h3", {}, flatten(one.space), " ", make("span", { class: "badge" }, flatten(one.state))),
    make("p", { class: "quiet" }, flatten(model)),
    showCoverage(one.modalities),
    make("p", { class: "quiet" }, ...history(one)),
  );
}

function history(one) {
  const told = [];
  if (one.last_change) told.push(`last change ${moment(one.last_change)}`);
  if (one.last_run) told.push(link(runAddress(one.last_run), "_top", {}, "the run that made it"));
  if (one.created) told.push(`made ${day(one.created)}`);
  if (one.retire_at) told.push(`may be deleted from ${day(one.retire_at)} on`);
  if (one.end_of_life) told.push(`the model can be used until ${day(one.end_of_life)}`);
  return told.flatMap((part, index) => (index ? [" · ", part] : [part]));
}

function costs(cost) {
  const parts = Object.entries(cost.by_modality).sort((one, other) => other[1] - one[1]);
  const most = Math.max(...parts.map(([, dollars]) => dollars), 0);
  const rows = parts.map(([modality, dollars]) => {
    const fill = make("span", { class: "bar-fill" });
    fill.style.inlineSize = `${most ? (dollars / most) * 100 : 0}%`;
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, nameOf(modality)),
      make("td", { class: "cost-bar", "aria-hidden": "true" }, make("span", { class: "bar" }, fill)),
      make("td", { class: "cost-sum" }, money(dollars)),
    );
  });
  const rough = cost.rough ? " Roughly: the ledger does not know the length of everything." : "";
  return make(
    "section",
    { class: "panel", "aria-labelledby": "cost" },
    heading("cost", "Cost so far", make("strong", {}, (cost.rough ? "≈ " : "") + money(cost.usd))),
    rows.length ? make("table", { class: "costs" }, make("tbody", {}, rows)) : null,
    make(
      "p",
      { class: "quiet" },
      `At least: each source once, as it is now, at the list prices of ${flatten(cost.as_of)} (${flatten(cost.source)}).${rough}`,
    ),
  );
}
