/** What one search has found: cards, and the states before, between and without. */

import { makeCard } from "./card.js";
import { link, make } from "./element.js";
import { signInAddress } from "./gateway.js";
import { wordsOf } from "./snippet.js";
import { duration, flatten, nameOf, number } from "./wording.js";

// As many cards as are made at once; a search may find a thousand.
const PAGE = 60;
const SKELETONS = 6;

const EXAMPLES = ["rain on a roof", "a rocket on the launch pad", "why do cats purr"];

/** The cards of an answer, and how it was found. */
export function showAnswer(answer, { query, onLike }) {
  const words = wordsOf(query);
  const grid = make("div", { class: "cards" });
  const more = make("button", { type: "button", class: "secondary more-cards" });
  const add = () => {
    const start = grid.childElementCount;
    const next = answer.results.slice(start, start + PAGE);
    grid.append(...next.map((result, index) => makeCard(result, { rank: start + index + 1, words, onLike })));
    const left = answer.results.length - grid.childElementCount;
    more.textContent = `Show ${number(Math.min(left, PAGE))} more of ${number(left)}`;
    more.hidden = left <= 0;
    return grid.children[start];
  };
  more.addEventListener("click", () => add().focus());
  add();
  grid.firstElementChild.tabIndex = 0;
  watchKeys(grid);
  return [grid, more, showStages(answer)];
}

/** The answer in a sentence, for the line above the cards. */
export function tellAnswer(answer) {
  const count = answer.results.length;
  const way =
    answer.strategy === "flat" ? `flat at ${answer.dimension}` : `hierarchical at ${answer.dimension}`;
  const more = answer.is_complete ? "" : " There may be more: the search ended at its bound.";
  return `${number(count)} ${count === 1 ? "source" : "sources"} in ${duration(answer.seconds)}, ${way}.${more}`;
}

/** Nothing was found: what to try. */
export function showNothing(state, change) {
  const tries = [];
  const offer = (text, changes) =>
    tries.push(
      make(
        "li",
        {},
        make("button", { type: "button", class: "plain", onclick: () => change(changes) }, text),
      ),
    );
  if (state.condition) offer(`without the condition “${flatten(state.condition)}”`, { condition: "" });
  if (state.prefix) offer(`everywhere, not only below “${flatten(state.prefix)}”`, { prefix: "" });
  if (state.modality !== "all")
    offer(`in all media, not only ${nameOf(state.modality).toLowerCase()}`, { modality: "all" });
  const status = make(
    "button",
    { type: "button", class: "plain", onclick: () => change({ view: "status" }) },
    "the status",
  );
  return make(
    "div",
    { class: "empty" },
    make("h2", {}, "Nothing was found"),
    tries.length ? make("p", {}, "Try the search") : null,
    tries.length ? make("ul", {}, tries) : null,
    make("p", {}, "Whether anything is embedded at all, ", status, " tells."),
  );
}

/** Before the first search. */
export function showWelcome(onExample) {
  const examples = EXAMPLES.map((text) =>
    make("button", { type: "button", class: "span", onclick: () => onExample(text) }, text),
  );
  return make(
    "div",
    { class: "empty" },
    make("h2", {}, "Search by words, or by example"),
    make(
      "p",
      {},
      "Describe what is seen, heard or said. Or drop a picture, a sound or a clip, and find its like.",
    ),
    make("p", { class: "spans" }, examples),
    make(
      "p",
      { class: "keys quiet" },
      key("/", "to type"),
      key("Enter", "to search"),
      key("Esc", "to cancel or clear"),
      key("← ↑ ↓ →", "from card to card"),
    ),
  );
}

/** While it is searched; shown a moment later, as most answers are there by then. */
export function showSkeleton() {
  const bones = () =>
    make(
      "div",
      { class: "card bones" },
      make("div", { class: "medium" }),
      make("div", { class: "card-body" }),
    );
  return make(
    "div",
    { class: "cards late", "aria-hidden": "true" },
    ...Array.from({ length: SKELETONS }, bones),
  );
}

/** What went wrong. */
export function showTrouble(trouble, onAgain) {
  return make(
    "div",
    { class: "trouble" },
    ...sayTrouble(trouble.message),
    make(
      "p",
      {},
      trouble.status === 401 ? link(signInAddress(), "_top", { class: "secondary" }, "Sign in") : null,
      make("button", { type: "button", class: "secondary", onclick: onAgain }, "Try again"),
    ),
  );
}

const key = (name, meaning) => make("span", {}, make("kbd", {}, name), ` ${meaning}`);

/** The sentence, and as they are the lines below it: a condition with a caret below what is wrong in it. */
function sayTrouble(message) {
  const [sentence, ...lines] = message.split("\n").map((line) => flatten(line));
  return [make("p", {}, sentence), lines.length ? make("pre", {}, lines.join("\n")) : null];
}

function showStages(answer) {
  const rows = answer.stages.map((stage) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, stage.operation),
      make("td", {}, stage.dimension === null ? "" : String(stage.dimension)),
      make("td", {}, number(stage.candidates)),
      make("td", {}, number(stage.calls)),
      make("td", {}, duration(stage.seconds)),
    ),
  );
  const heads = ["Step", "Dimension", "Came out", "Calls", "Took"].map((text) =>
    make("th", { scope: "col" }, text),
  );
  const purpose = answer.purpose ? `, asked as ${answer.purpose}` : "";
  return make(
    "details",
    { class: "stages" },
    make("summary", {}, "How it was searched"),
    make("table", {}, make("thead", {}, make("tr", {}, heads)), make("tbody", {}, rows)),
    make(
      "p",
      { class: "quiet" },
      `Space ${answer.space}${purpose}; ${number(answer.looked_at)} segments were looked at.`,
    ),
  );
}

/** Arrows go from card to card (and Tab into one); Enter plays or opens the one that has the focus. */
function watchKeys(grid) {
  grid.addEventListener("keydown", (event) => {
    if (!event.target.matches(".card")) return;
    if (event.key === "Enter") event.target.open();
    const next = neighbour(grid, event.target, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  grid.addEventListener("focusin", (event) => {
    const card = event.target.closest(".card");
    for (const other of grid.querySelectorAll('[tabindex="0"].card')) other.tabIndex = -1;
    card.tabIndex = 0;
  });
}

function neighbour(grid, card, pressed) {
  const cards = [...grid.children];
  const index = cards.indexOf(card);
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (pressed === "Home") return cards[0];
  if (pressed === "End") return cards.at(-1);
  return pressed in steps ? cards[index + steps[pressed]] : undefined;
}
