/** The form: what is searched with, and how. */

import { ACCEPTED, chip, readWords, refuse, modalityOf } from "./attachment.js";
import { DEFAULTS } from "./address.js";
import { make, icon } from "./element.js";
import { flatten } from "./wording.js";

const form = document.getElementById("query");
const words = document.getElementById("words");
const chooser = document.getElementById("file");
const attached = document.getElementById("attached");
const refusal = document.getElementById("refusal");
const fields = form.elements;

const OPTIONS = ["condition", "prefix", "top_k", "per_source", "shortlist"];
const RESCORING = ["1024", "3072"];

// What was dropped in this tab, by name: back and forward find it again. The last few, as they stay in memory.
const files = new Map();
const KEPT = 8;

// What takes the place of words: a file, or a stored source (and perhaps one segment of it).
let example = { file: "", source: "", segment: null };

/** The file of that name that was dropped here; undefined when it was not. */
export const fileNamed = (name) => files.get(name);

/** What the form says, as a state of the given view. */
export function readForm(view) {
  const state = { ...DEFAULTS, ...example, view, q: isExample() ? "" : words.value };
  for (const name of ["modality", "strategy", "condition", "prefix"]) state[name] = fields[name].value.trim();
  for (const name of ["dimension", "shortlist", "top_k", "per_source"])
    state[name] = fields[name].valueAsNumber || Number(fields[name].value) || DEFAULTS[name];
  return state;
}

/** Fill the form with a state. */
export function fillForm(state) {
  example = { file: state.file, source: state.source, segment: state.segment };
  words.value = state.q;
  for (const name of ["modality", "strategy", "dimension", ...OPTIONS])
    fields[name].value = String(state[name]);
  const isCompared = state.view === "compare";
  for (const part of form.querySelectorAll("[data-way]")) part.hidden = isCompared;
  fields.top_k.max = isCompared ? 100 : 1000;
  if (OPTIONS.some((name) => state[name] !== DEFAULTS[name])) document.getElementById("more").open = true;
  fitDimension();
  showExample();
}

/** Put words there that were typed before this script had come; returns whether they were sent, too. */
export function keepEarly(text) {
  if (!text.trim() || isExample() || words.value) return false;
  words.value = text.trim();
  return text.endsWith("\n");
}

/** What is typed as yet. */
export const typed = () => words.value;

/** Show or hide the form. */
export const showForm = (isShown) => {
  form.hidden = !isShown;
};

/** Put the cursor where one types. */
export function focusWords() {
  (isExample() ? attached.querySelector("button") : words).focus();
  words.select();
}

/** Take away what is searched with; returns whether there was anything. */
export function clear() {
  const hadAny = isExample() || words.value !== "";
  example = { file: "", source: "", segment: null };
  words.value = "";
  refuseWith("");
  showExample();
  return hadAny;
}

/** Search with a file from now on; false when it cannot be, which is told. */
export async function attach(file) {
  const problem = refuse(file);
  refuseWith(problem);
  if (problem) return false;
  if (modalityOf(file.name) === "text") {
    example = { file: "", source: "", segment: null };
    words.value = await readWords(file);
  } else {
    files.delete(file.name);
    files.set(file.name, file);
    if (files.size > KEPT) files.delete(files.keys().next().value);
    example = { file: file.name, source: "", segment: null };
    words.value = "";
  }
  showExample();
  return true;
}

/** Let the form's own events call: `onSearch` when it is sent, or a choice in it was changed. */
export function watchForm(onSearch) {
  chooser.accept = ACCEPTED;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onSearch();
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  words.addEventListener("input", () => refuseWith(""));
  for (const name of ["modality", "strategy", "dimension"])
    for (const field of fields[name].length && !fields[name].options ? fields[name] : [fields[name]])
      field.addEventListener("change", () => {
        fitDimension();
        if (isExample() || words.value.trim()) form.requestSubmit();
      });
  document.getElementById("attach").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", async () => {
    const [file] = chooser.files;
    const isTaken = file && (await attach(file));
    chooser.value = "";
    if (isTaken) form.requestSubmit();
  });
}

/** Say why something cannot be searched with; nothing for an empty text. */
export function refuseWith(problem) {
  refusal.textContent = problem;
  refusal.hidden = !problem;
}

const isExample = () => Boolean(example.file || example.source);

/** A shortlist is scored at 1024 or 3072 only. */
function fitDimension() {
  const isHierarchical = fields.strategy.value === "hierarchical";
  for (const option of fields.dimension.options)
    option.disabled = isHierarchical && !RESCORING.includes(option.value);
  if (fields.dimension.selectedOptions[0]?.disabled ?? true)
    fields.dimension.value = String(DEFAULTS.dimension);
  fields.shortlist.disabled = !isHierarchical;
}

function showExample() {
  const remove = () => {
    clear();
    words.focus();
  };
  attached.hidden = !isExample();
  words.hidden = isExample();
  if (example.file) attached.replaceChildren(chip(example.file, files.get(example.file), remove));
  else attached.replaceChildren(...(example.source ? [sourceChip(remove)] : []));
}

function sourceChip(onRemove) {
  const name = flatten(example.source.split("/").pop());
  const part = example.segment === null ? "" : `, segment ${example.segment}`;
  return make(
    "span",
    { class: "chip", title: flatten(example.source) },
    icon("like"),
    make("span", { class: "chip-name" }, `like ${name}${part}`),
    make(
      "button",
      { type: "button", class: "chip-remove", "aria-label": "Remove the source", onclick: onRemove },
      icon("close"),
    ),
  );
}
