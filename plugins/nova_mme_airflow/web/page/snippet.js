/** Texts with the words marked that were looked for. */

import { make } from "./element.js";

// As in the core's snippets: shorter words (a, of, the) are everywhere.
const SHORTEST = 4;
const WORD = /[\p{L}\p{N}_]+/gu;

/** The words of a query that are worth marking: its long ones, or all of them when it has only short ones. */
export function wordsOf(query) {
  const words = (query.toLowerCase().match(WORD) ?? []).filter((word) => word.length > 1);
  const long = words.filter((word) => word.length >= SHORTEST);
  return new Set(long.length ? long : words);
}

/** The text as nodes: texts, and `mark` elements around the words. */
export function mark(text, words) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(WORD)) {
    if (!words.has(match[0].toLowerCase())) continue;
    nodes.push(text.slice(end, match.index), make("mark", {}, match[0]));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes;
}
