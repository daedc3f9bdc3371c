/** Sources that failed for good: why, what to do, and trying them again. */

import { icon, link, make } from "./element.js";
import { runAddress, startRun } from "./gateway.js";
import { countOf, flatten, many, moment, number } from "./wording.js";

/** The dead letters by modality, as nodes. */
export function showDeadLetters(letters, root) {
  if (!letters.items.length)
    return [make("p", { class: "quiet" }, "None: nothing is given up.")];
  const groups = Map.groupBy ? Map.groupBy(letters.items, (item) => item.modality) : group(letters.items);
  const shown = letters.items.length;
  const rest =
    letters.total > shown ? `The first ${number(shown)} of ${number(letters.total)} are shown.` : "";
  return [
    ...[...groups].map(([modality, items]) => section(modality, items, root)),
    rest ? make("p", { class: "quiet" }, rest) : null,
  ].filter(Boolean);
}

function group(items) {
  const groups = new Map();
  for (const item of items) groups.set(item.modality, [...(groups.get(item.modality) ?? []), item]);
  return groups;
}

function section(modality, items, root) {
  const told = make("p", { class: "started", role: "status" });
  const all = make(
    "button",
    { type: "button", class: "secondary" },
    icon("retry"),
    `Retry all ${many(modality)}`,
  );
  all.addEventListener("click", () =>
    confirmRetry({ modality, prefix: "", what: `all failed ${many(modality)}`, told, root }),
  );
  return make(
    "div",
    { class: "letters" },
    make("header", {}, make("h3", {}, icon(modality), countOf(items.length, modality)), all),
    told,
    make(
      "ul",
      {},
      items.map((item) => letter(item, root)),
    ),
  );
}

function letter(item, root) {
  const told = make("p", { class: "started", role: "status" });
  const name = flatten(item.name);
  const prefix = below(item.uri, root);
  const retry = () => confirmRetry({ modality: item.modality, prefix, what: name, told, root });
  const address = runAddress(item.run);
  return make(
    "li",
    {},
    make(
      "div",
      { class: "letter-body" },
      make(
        "strong",
        { class: "letter-name", title: flatten(item.uri) },
        prefix === null ? flatten(item.uri) : flatten(prefix),
      ),
      make("p", {}, flatten(item.message)),
      item.next_step ? make("p", { class: "next" }, flatten(item.next_step)) : null,
      make(
        "p",
        { class: "quiet" },
        flatten(item.reason),
        item.updated ? ` · ${moment(item.updated)}` : null,
        address ? " · " : null,
        address ? link(address, "_top", {}, "the run") : null,
      ),
      told,
    ),
    prefix === null
      ? null
      : make(
          "button",
          { type: "button", class: "plain", "aria-label": `Retry ${name}`, onclick: retry },
          icon("retry"),
          "Retry",
        ),
  );
}

/** The URI below the deployment's source_uri, as the DAGs' prefix is; null for one that lies elsewhere. */
function below(uri, root) {
  const folder = `${root.replace(/\/$/, "")}/`;
  return uri.startsWith(folder) ? uri.slice(folder.length) : null;
}

/** Ask, as it is paid for again; then start the DAG and say so. A dialog of the page: the frame allows no other. */
function confirmRetry({ modality, prefix, what, told }) {
  const dagId = `embed_${modality}`;
  const start = make("button", { type: "button", class: "primary" }, "Retry");
  const cancel = make(
    "button",
    { type: "button", class: "secondary", onclick: () => dialog.close() },
    "Cancel",
  );
  const besides = prefix
    ? make("p", { class: "quiet" }, "Other failed sources whose names begin the same are taken along.")
    : null;
  const dialog = make(
    "dialog",
    { "aria-labelledby": "retry-title" },
    make("h2", { id: "retry-title" }, `Retry ${what}?`),
    make(
      "p",
      {},
      `A run of ${dagId} tries again, and what the model is asked is paid for again. What fails again stays here.`,
    ),
    besides,
    make("p", { class: "buttons" }, cancel, start),
  );
  start.addEventListener("click", () => {
    dialog.close();
    retry(dagId, prefix, told);
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

async function retry(dagId, prefix, told) {
  told.replaceChildren("Starting …");
  told.classList.remove("is-bad");
  try {
    const run = await startRun(dagId, { retry_failed: true, prefix });
    told.replaceChildren("Started: ", link(runAddress(run), "_top", {}, flatten(run.run_id)));
  } catch (error) {
    told.classList.add("is-bad");
    told.replaceChildren(flatten(error.message));
  }
}
