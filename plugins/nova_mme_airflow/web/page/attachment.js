/** A file to search with: whether the model can take it, what it looks like, and how it travels. */

import { make, icon } from "./element.js";
import { flatten, size } from "./wording.js";

// What one request to the model can carry (nova.QUERY_BYTES of the core).
export const MOST_BYTES = 18_740_000;
const MOST_CHARACTERS = 8192;

// The formats of nova_mme/modality.py.
const SUFFIXES = {
  image: ["png", "jpg", "jpeg", "gif", "webp"],
  video: ["mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp"],
  audio: ["mp3", "wav", "ogg"],
  text: ["txt", "md", "csv", "tsv", "json", "jsonl", "html", "xml", "srt", "vtt"],
};

/** What the file chooser offers. */
export const ACCEPTED = Object.values(SUFFIXES)
  .flat()
  .map((suffix) => `.${suffix}`)
  .join(",");

/** The modality that a file name stands for; undefined for none that can be searched with. */
export const modalityOf = (name) => {
  const suffix = name.includes(".") ? name.split(".").pop().toLowerCase() : "";
  return Object.keys(SUFFIXES).find((modality) => SUFFIXES[modality].includes(suffix));
};

/** Why a file cannot be searched with, in a sentence; empty when it can. */
export function refuse(file) {
  const name = flatten(file.name);
  if (!file.size) return `${name} is empty. Choose another file.`;
  const modality = modalityOf(file.name);
  if (!modality)
    return `${name} is of no format that the model takes: use an image (PNG, JPEG, GIF, WebP), a video (MP4, MOV, MKV, WebM …), a sound (MP3, WAV, OGG) or a text; of a document, a picture of its page.`;
  if (modality !== "text" && file.size > MOST_BYTES)
    return `${name} has ${size(file.size)}; the model takes 18.7 MB (and 30 seconds) at the most. Cut it, or make it smaller.`;
  return "";
}

let pasted = 0;

/** A pasted picture is always called image.png: here each has a name of its own, so that back finds the right one. */
export function rename(file) {
  pasted += 1;
  return new File([file], `pasted-${pasted}.${file.type.split("/")[1] || "png"}`, { type: file.type });
}

/** The beginning of a text file: it is searched with by its words. */
export const readWords = async (file) =>
  (await file.slice(0, 4 * MOST_CHARACTERS).text()).slice(0, MOST_CHARACTERS).trim();

/** The file for the API: `{name, content}`, in base64. */
export async function encode(file) {
  const address = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return { name: file.name, content: address.slice(address.indexOf(",") + 1) };
}

/** A chip that stands for the file in the query; `file` is null when only its name is left. */
export function chip(name, file, onRemove) {
  const modality = modalityOf(name);
  return make(
    "span",
    { class: "chip" },
    file && modality === "image" ? preview(file) : icon(modality ?? "file"),
    make("span", { class: "chip-name" }, flatten(name)),
    file ? make("span", { class: "quiet" }, size(file.size)) : null,
    make(
      "button",
      { type: "button", class: "chip-remove", "aria-label": "Remove the file", onclick: onRemove },
      icon("close"),
    ),
  );
}

function preview(file) {
  const address = URL.createObjectURL(file);
  const release = () => URL.revokeObjectURL(address);
  return make("img", { class: "chip-picture", alt: "", src: address, onload: release, onerror: release });
}
