/** Elements, made of names, attributes and texts; markup in a text stays text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Attributes that are false or null are left out, true ones are bare, functions listen
 * (`onclick`); children are nodes or texts, null ones are left out.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** One of the page's icons; decoration, so what it means must be told beside it. */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  picture.append(use);
  return picture;
}

/** A link that leaves the page: into Airflow (`_top`) or to a new tab (`_blank`); plain text when there is no address. */
export function link(address, target, attributes, ...children) {
  const href = safe(address);
  if (!href) return make("span", { class: attributes.class }, ...children);
  return make("a", { ...attributes, href, target, rel: "noopener" }, ...children);
}

/** The address if it is one of the web's or of a file that was chosen here; else null: never `javascript:`. */
export function safe(address) {
  if (!address || !URL.canParse(address, document.baseURI)) return null;
  const url = new URL(address, document.baseURI);
  return ["http:", "https:", "blob:"].includes(url.protocol) ? url.href : null;
}
