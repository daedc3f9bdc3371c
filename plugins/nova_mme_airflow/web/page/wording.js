/** How numbers, places and kinds are told; and file names and texts, which nobody has vouched for. */

export const MODALITIES = ["text", "image", "video", "audio", "document"];
const NAMES = { text: "Text", image: "Image", video: "Video", audio: "Audio", document: "Document" };
const COUNTED = { text: "texts", image: "images", video: "videos", audio: "sounds", document: "documents" };

// They turn the direction of what follows them (Unicode UAX #9): "gnp.exe" would read "exe.png".
const DIRECTIONS = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** A text in one line, without characters that turn the direction of writing. */
export const flatten = (text) =>
  String(text ?? "")
    .replace(DIRECTIONS, "")
    .replace(CONTROLS, " ");

/** A modality's name. */
export const nameOf = (modality) => NAMES[modality] ?? flatten(modality);

/** "videos"; "sources" for what is not known. */
export const many = (modality) => COUNTED[modality] ?? "sources";

/** "3 videos", "1 video". */
export const countOf = (count, modality) => {
  const name = many(modality);
  return `${number(count)} ${count === 1 ? name.slice(0, -1) : name}`;
};

/** "1,234". */
export const number = (value) => Number(value ?? 0).toLocaleString("en-GB");

/** "0:15", "1:02:03", with tenths where there are some: as the core tells it. */
export function time(seconds) {
  const tenths = Math.round(seconds * 10);
  const rest = tenths % 600;
  const minutes = Math.floor(tenths / 600) % 60;
  const hours = Math.floor(tenths / 36000);
  const told = String(Math.floor(rest / 10)).padStart(2, "0") + (rest % 10 ? `.${rest % 10}` : "");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${told}` : `${minutes}:${told}`;
}

/** Where in its source a span is: "0:15–0:30", "page 3", "characters 0–1,200"; empty for a whole image. */
export function place(span) {
  if (span.start_seconds !== undefined) return `${time(span.start_seconds)}–${time(span.end_seconds)}`;
  if (span.first_page !== undefined) {
    const isOne = span.first_page === span.last_page;
    return isOne ? `page ${span.first_page}` : `pages ${span.first_page}–${span.last_page}`;
  }
  if (span.start_character !== undefined)
    return `characters ${number(span.start_character)}–${number(span.end_character)}`;
  return "";
}

/** "1.2 MB". */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB"];
  let value = bytes / 1000;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[0]}`;
}

/** "27 Nov 2026", of epoch seconds. */
export const day = (epoch) =>
  new Date(epoch * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });

/** "27 Nov 2026, 14:05", of epoch seconds, by this machine's clock. */
export const moment = (epoch) =>
  new Date(epoch * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** "0.21 s", "35 ms". */
export const duration = (seconds) =>
  seconds < 0.1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(2)} s`;

/** "$1.23"; small sums with the digits that say something. */
export function money(dollars) {
  const digits = dollars === 0 || dollars >= 0.1 ? 2 : 4;
  return `$${dollars.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** "34 %", never 100 % of what is not all of it. */
export const percent = (share) => `${share < 1 ? Math.min(99, Math.floor(share * 100)) : 100}\u00a0%`;
