// The review of duplicates by keys, and what moves with the radius. Everything is done by pressing the page's own
// buttons, so that keys can do nothing that the mouse cannot.

import { compare } from "./compare.js";

const byId = (id) => document.getElementById(id);
const tiles = () => [...document.querySelectorAll("#decide .candidate")];
const mark = (tile) => tile.querySelector('input[name="go"]');
const press = (id) => byId(id)?.click();

let current = 0;

/** Focus a picture, wherever the page is scrolled to; at the ends it stays. */
function select(at) {
  const all = tiles();
  if (!all.length) return undefined;
  current = Math.max(0, Math.min(at, all.length - 1));
  document.querySelector(".candidate.current")?.classList.remove("current");
  const tile = all[current];
  tile.classList.add("current");
  (mark(tile) ?? tile).focus({ preventScroll: true });
  return tile;
}

function goTo(at) {
  select(at)?.scrollIntoView({ block: "nearest" });
}

function setMark(tile, goes) {
  const box = tile && mark(tile);
  if (!box || box.checked === goes) return;
  box.checked = goes;
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

function count() {
  const form = byId("decide");
  const shown = form?.querySelector("[data-going]");
  if (!shown) return;
  const going = form.querySelectorAll('input[name="go"]:checked').length;
  shown.textContent = going;
  byId("remove").classList.toggle("all", going > 0 && going === Number(form.dataset.size));
}

const KEYS = {
  ArrowLeft: () => goTo(current - 1),
  ArrowRight: () => goTo(current + 1),
  ArrowUp: () => setMark(tiles()[current], false),
  ArrowDown: () => setMark(tiles()[current], true),
  Enter: () => press("remove"),
  n: () => press("different"),
  a: () => press("keep"),
  z: () => compare.open(tiles(), current, setMark),
  u: () => byId("undo")?.querySelector("button").click(),
  PageUp: () => press("previous"),
  PageDown: () => press("next"),
  "?": () => byId("legend").showModal(),
};

/** Whether a key belongs to what has the focus. */
function isTaken(event) {
  const { target, key } = event;
  if (target.closest("dialog[open]")) return true;
  if (target.matches('input:not([name="go"]), select, textarea, [contenteditable]')) return true;
  return key === "Enter" && target.matches("a, button, summary");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || compare.takes(event)) return;
  if (document.querySelector("dialog[open]") || isTaken(event)) return;
  const undo = event.key.toLowerCase() === "z" && event.ctrlKey !== event.metaKey && !event.altKey && !event.shiftKey;
  if (!undo && (event.ctrlKey || event.metaKey || event.altKey)) return;
  const act = undo ? KEYS.u : KEYS[event.key];
  if (!act) return;
  // A key that is held down moves on, but decides once.
  if (!(event.repeat && !event.key.startsWith("Arrow"))) act();
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("#legend-open")) byId("legend").showModal();
  if (event.target.closest("#compare-open")) compare.open(tiles(), current, setMark);
});
document.addEventListener("change", (event) => {
  if (event.target.matches('input[name="go"]')) count();
});
document.addEventListener("focusin", (event) => {
  const tile = event.target.closest(".candidate");
  if (!tile) return;
  document.querySelector(".candidate.current")?.classList.remove("current");
  tile.classList.add("current");
  current = tiles().indexOf(tile);
});

// The pairs within the slider's position are known; the groups are counted once it is let go.
document.addEventListener("input", (event) => {
  if (event.target.id !== "step") return;
  const form = event.target.form;
  const step = Number(event.target.value);
  const within = form.dataset.pairs.split(" ").map(Number);
  const radius = (Number(form.dataset.farthest) * step) / (within.length - 1);
  form.querySelector("[data-radius]").textContent = String(Number(radius.toPrecision(3)));
  form.querySelector("[data-pair-count]").textContent = within[step].toLocaleString("en");
  form.querySelector("[data-group-count]").textContent = "";
  form.querySelectorAll("rect").forEach((bar, at) => bar.setAttribute("class", at < step ? "within" : "beyond"));
});

// Several decisions in a row: a second key before the answer to the first is shown would be about a group that is
// gone. One after that counts, though the request is not over for htmx yet.
let waiting = false;
document.addEventListener("submit", (event) => {
  if (!event.target.matches("#decide, #apart, #undo")) return;
  if (waiting) event.preventDefault(), event.stopImmediatePropagation();
}, true);
document.addEventListener("htmx:before:request", () => { waiting = true; });
document.addEventListener("htmx:finally:request", () => { waiting = false; });

let group = byId("review")?.querySelector('[name="version"]')?.value;
document.addEventListener("htmx:after:swap", () => {
  waiting = false;
  const now = byId("review")?.querySelector('[name="version"]')?.value;
  count();
  if (now === group) return;
  group = now;
  scrollTo({ top: 0 });
  byId("confirm-back")?.focus();
  select(0);
});
select(0);
