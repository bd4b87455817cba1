// @ts-check
/** Elements in few words, and an update that leaves alone what stays: focus, opened details, a selection. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @param {string} tag with classes: `li.step.done`
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes] false, null: not there
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(key, value === true ? "" : `${value}`);
    }
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : `${child}`);
    }
  }
  return element;
}

/** @param {Node | null | undefined} node */
function keyOf(node) {
  return node instanceof HTMLElement ? node.dataset.key : undefined;
}

/**
 * Make the parent's children look like these. Elements with the same `data-key`, or else at the same place and of the
 * same kind, are kept and changed.
 *
 * @param {Node} parent
 * @param {Node[]} wanted
 */
export function morph(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let place = parent.firstChild;
  for (const node of wanted) {
    const key = keyOf(node);
    const found = key ? keyed.get(key) : place && !keyOf(place) ? place : null;
    if (found && found.nodeName === node.nodeName) {
      if (place && found === place) place = place.nextSibling;
      else parent.insertBefore(found, place);
      update(found, node);
    } else {
      parent.insertBefore(node, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    parent.removeChild(place);
    place = next;
  }
}

/**
 * @param {Node} node
 * @param {Node} wanted
 */
function update(node, wanted) {
  if (!(node instanceof Element) || !(wanted instanceof Element)) {
    if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...node.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open") node.removeAttribute(name); // who opened it keeps it open
  }
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value && name !== "open") node.setAttribute(name, value);
  }
  morph(node, [...wanted.childNodes]);
}
