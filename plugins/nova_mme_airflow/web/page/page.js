/** The page: what its address stands for is asked, and shown. */

import { goTo, isAsking, mirror, readHash, startState } from "./address.js";
import { encode, rename } from "./attachment.js";
import { showComparison, tellComparison } from "./comparison.js";
import { openDoors } from "./doorway.js";
import { ask } from "./gateway.js";
import * as query from "./query.js";
import * as results from "./results.js";
import { showStatus, tellStatus } from "./status.js";

// A large ledger is counted in the background: it is looked at again until there is something to show.
const LOOK_AGAIN_MS = 1500;

const told = document.getElementById("told");
const trouble = document.getElementById("trouble");
const found = document.getElementById("found");

let state = startState();
let pending = null;

/** Make a state the page's, in its address too, and show it. */
function go(next) {
  state = next;
  goTo(state);
  show();
}

/** Show what the state stands for; whatever was asked before is not waited for any more. */
async function show() {
  cancel();
  for (const tab of document.querySelectorAll(".tab")) mark(tab, tab.dataset.view === state.view);
  query.showForm(state.view !== "status");
  query.fillForm(state);
  query.refuseWith("");
  trouble.replaceChildren();
  told.textContent = "";
  found.replaceChildren();
  document.title = titleOf(state);
  if (state.view === "status") return run(askStatus);
  if (!isAsking(state)) return found.replaceChildren(results.showWelcome((q) => go({ ...state, q })));
  if (state.file && !query.fileNamed(state.file))
    return query.refuseWith(
      `Only the name of ${state.file} is in the address, not the file: choose it again.`,
    );
  return run(state.view === "compare" ? askComparison : askSearch);
}

/** Run a request to its end, unless another one takes its place. */
async function run(request) {
  const mine = new AbortController();
  pending = mine;
  found.setAttribute("aria-busy", "true");
  found.replaceChildren(results.showSkeleton());
  try {
    const [sentence, ...nodes] = await request(mine.signal);
    if (pending !== mine) return;
    told.textContent = sentence;
    found.replaceChildren(...nodes);
  } catch (error) {
    if (pending !== mine || error.name === "AbortError") return;
    found.replaceChildren();
    trouble.replaceChildren(results.showTrouble(error, show));
  } finally {
    if (pending === mine) settle();
  }
}

function settle() {
  pending = null;
  found.removeAttribute("aria-busy");
}

/** Stop what is asked; returns whether there was anything. */
function cancel() {
  if (!pending) return false;
  pending.abort();
  settle();
  found.replaceChildren();
  return true;
}

async function askSearch(signal) {
  const body = { ...(await bodyOf(state)), strategy: state.strategy, dimension: state.dimension };
  if (state.strategy === "hierarchical") body.shortlist = state.shortlist;
  const answer = await ask("search", body, signal);
  if (!answer.results.length) return [results.tellAnswer(answer), results.showNothing(state, change)];
  return [results.tellAnswer(answer), ...results.showAnswer(answer, { query: state.q, onLike })];
}

async function askComparison(signal) {
  // A comparison is of a page of results each way; a search may have asked for more.
  const body = await bodyOf({ ...state, top_k: Math.min(state.top_k, 100) });
  const comparison = await ask("compare", body, signal);
  const isEmpty = comparison.answers.every((answer) => !answer.results.length);
  if (isEmpty) return ["Nothing was found.", results.showNothing(state, change)];
  return [tellComparison(comparison), ...showComparison(comparison, { onLike })];
}

async function askStatus(signal) {
  let status = await ask("status", undefined, signal);
  while (!status.spaces) {
    told.textContent = `Counting: ${Number(status.counting).toLocaleString("en-GB")} rows of the ledger so far.`;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    status = await ask("status", undefined, signal);
  }
  return [tellStatus(status), ...showStatus(status, show)];
}

/** The request: what is searched with, and what is let through. */
async function bodyOf({ q, file, source, segment, modality, condition, prefix, top_k, per_source }) {
  const shared = { modality, condition, prefix, top_k, per_source };
  if (file) return { media: await encode(query.fileNamed(file)), ...shared };
  return source ? { source, segment, ...shared } : { text: q, ...shared };
}

const change = (changes) => go({ ...state, ...changes });

const onLike = (source, segment) => {
  go({ ...state, view: "search", q: "", file: "", source, segment });
  scrollTo({ top: 0 });
};

const search = () => {
  const next = query.readForm(state.view);
  if (isAsking(next)) go(next);
  else query.focusWords();
};

const mark = (tab, isCurrent) =>
  isCurrent ? tab.setAttribute("aria-current", "page") : tab.removeAttribute("aria-current");

const titleOf = ({ view, q }) =>
  view === "status" ? "Status · Media search" : q ? `${q} · Media search` : "Media search";

async function take(file) {
  if (state.view === "status") state = { ...state, view: "search" };
  if (await query.attach(file)) search();
}

/** Files may be dropped anywhere, and pasted. */
function watchFiles() {
  const drop = document.getElementById("drop");
  const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    drop.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.hidden = true;
  });
  addEventListener("drop", (event) => {
    drop.hidden = true;
    if (!hasFile(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    take(rename(file));
  });
}

function watchKeys() {
  addEventListener("keydown", (event) => {
    const isTyping = event.target.matches?.("input:not([type=radio]), textarea, select");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      if (state.view === "status") go({ ...state, view: "search" });
      query.focusWords();
    }
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (cancel()) told.textContent = "Cancelled.";
    else if (state.view !== "status" && query.clear()) query.focusWords();
  });
}

for (const tab of document.querySelectorAll(".tab"))
  tab.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const base = state.view === "status" ? state : query.readForm(state.view);
    go({ ...base, view: tab.dataset.view });
  });
addEventListener("popstate", () => {
  state = readHash(location.hash);
  mirror();
  show();
});
query.watchForm(search);
watchFiles();
watchKeys();
openDoors();
mirror();
const early = query.typed();
show();
if (query.keepEarly(early)) search();
