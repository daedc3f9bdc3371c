/** What is searched for, as the part of the address after #: so that reload, back and links work. No file's content. */

import { around } from "./doorway.js";

/** A search as long as nothing is chosen. `file` is the name of a file that was dropped; only this tab has it. */
export const DEFAULTS = Object.freeze({
  view: "search",
  q: "",
  source: "",
  segment: null,
  file: "",
  modality: "all",
  dimension: 1024,
  strategy: "flat",
  shortlist: 100,
  condition: "",
  prefix: "",
  top_k: 10,
  per_source: 3,
});

const CHOICES = {
  view: ["search", "compare", "status"],
  modality: ["all", "text", "image", "video", "audio", "document"],
  strategy: ["flat", "hierarchical"],
  dimension: [256, 384, 1024, 3072],
};

/** The state that an address' hash stands for; what is unknown or no number in it is passed over. */
export function readHash(hash) {
  const state = { ...DEFAULTS };
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(DEFAULTS, name)) continue;
    const isNumber = name === "segment" || typeof DEFAULTS[name] === "number";
    if (!isNumber) state[name] = value;
    else if (/^\d{1,6}$/.test(value)) state[name] = Number(value);
  }
  for (const [name, choices] of Object.entries(CHOICES))
    if (!choices.includes(state[name])) state[name] = DEFAULTS[name];
  return state;
}

/** The hash of a state: what differs from the defaults. */
export function writeHash(state) {
  const told = new URLSearchParams();
  for (const name of Object.keys(DEFAULTS)) if (state[name] !== DEFAULTS[name]) told.set(name, state[name]);
  const text = told.toString();
  return text ? `#${text}` : "";
}

/** Whether there is something to search with. */
export const isAsking = (state) => Boolean(state.q.trim() || state.source || state.file);

/** The state that the page starts with: its own address', or, in Airflow's frame, that of the address bar. */
export function startState() {
  const outside = around();
  if (!location.hash && outside?.location.hash) history.replaceState(null, "", outside.location.hash);
  return readHash(location.hash);
}

/** Make a state the page's address; a new entry of the history, unless it is the same again. */
export function goTo(state) {
  const hash = writeHash(state);
  if (hash !== location.hash) history.pushState(null, "", hash || location.pathname + location.search);
  mirror();
}

/** Show the frame's hash in the address bar as well, where people copy it from. */
export function mirror() {
  const outside = around();
  if (!outside) return;
  const { pathname, search } = outside.location;
  outside.history.replaceState(outside.history.state, "", pathname + search + location.hash);
}
