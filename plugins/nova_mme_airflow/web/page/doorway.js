/**
 * Ways out of the frame. Airflow shows the page in an iframe with `sandbox="allow-scripts allow-same-origin
 * allow-forms"`: there, links to `_top` and to new tabs are silently dead. A link of the document around is not, and
 * as both are of one origin, that document can be given one to follow.
 */

const NEW_TAB = 1; // the middle button

/** The window around, if it is of this origin; null when the page is by itself, or a stranger frames it. */
export function around() {
  if (window.parent === window) return null;
  try {
    return window.parent.location.origin === location.origin ? window.parent : null;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

/** Let the links of this page that have a target be followed by the window around. */
export function openDoors() {
  const outside = around();
  if (!outside) return;
  const follow = (event) => {
    const link = event.target.closest("a[target]");
    if (!link || event.defaultPrevented || event.button > NEW_TAB) return;
    event.preventDefault();
    const twin = outside.document.createElement("a");
    const isApart = event.button === NEW_TAB || event.ctrlKey || event.metaKey || link.target === "_blank";
    Object.assign(twin, { href: link.href, target: isApart ? "_blank" : "_self", rel: "noopener" });
    twin.click();
  };
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", follow);
}
