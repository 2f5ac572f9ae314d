// What only a browser can do for a search: taking a picture that is dropped, pasted or photographed, drawing the part
// that counts, hiding tiles while the cut-off moves, and keeping the place in the filters.

import { say, send } from "../console.js";

const form = document.querySelector("[data-picture]");
const refused = document.querySelector("[data-refused]");

// Pictures

async function search(file) {
  if (!form) return;
  // Browsers know no type of a HEIC: the service tells pictures by their bytes.
  if (file.type && !file.type.startsWith("image/")) return tell("This is not a picture.");
  tell("");
  const told = form.querySelector("strong");
  const body = new FormData(form);
  body.set("file", file);
  told.setAttribute("aria-busy", "true");
  const looking = say("Looking at the picture …", { seconds: 120 });
  try {
    const answer = await send(form.action, { method: "POST", body });
    const address = answer.headers.get("HX-Redirect");
    if (address) return location.assign(address);
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    tell(part.body.textContent.trim() || "The picture could not be sent.");
  } catch {
    tell("The service cannot be reached. Try again in a moment.");
  } finally {
    told.removeAttribute("aria-busy");
    looking.remove();
  }
}

function tell(text) {
  refused.textContent = text;
  if (text) say(text, { fault: true });
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.elements.file.files[0]) search(form.elements.file.files[0]);
  });
  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => input.files[0] && search(input.files[0]));
  }
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dragging");
    const file = event.dataTransfer.files[0];
    if (!file) return;
    event.preventDefault();
    search(file);
  });
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    search(file);
  });
}

addEventListener("offline", () => say("The connection is lost: what is shown stays, searching has to wait.", { fault: true }));

// The part that counts, in percent of the picture's sides

const frame = document.querySelector("[data-frame]");
const boxForm = document.querySelector("[data-box]");

if (frame && boxForm) {
  const sides = ["left", "top", "width", "height"].map((name) => boxForm.elements[name]);
  const rect = frame.querySelector("rect"), shade = frame.querySelector("path");
  let start = null;

  const draw = (x, y, width, height) => {
    [x, y, width, height].forEach((side, number) => { sides[number].value = side.toFixed(2); });
    for (const [name, side] of Object.entries({ x, y, width, height })) rect.setAttribute(name, side);
    shade.setAttribute("d", `M0 0H100V100H0Z M${x} ${y}v${height}h${width}v${-height}Z`);
  };
  const place = (event) => {
    const around = frame.querySelector("img").getBoundingClientRect();
    const part = (value, from, length) => Math.min(100, Math.max(0, ((value - from) / length) * 100));
    return [part(event.clientX, around.left, around.width), part(event.clientY, around.top, around.height)];
  };
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = place(event);
    frame.setPointerCapture(event.pointerId);
    event.preventDefault();
    frame.focus();
  });
  frame.addEventListener("pointermove", (event) => {
    if (!start) return;
    const [x, y] = place(event);
    draw(Math.min(x, start[0]), Math.min(y, start[1]), Math.abs(x - start[0]), Math.abs(y - start[1]));
  });
  frame.addEventListener("pointerup", () => {
    if (!start) return;
    start = null;
    if (Number(sides[2].value) >= 2 && Number(sides[3].value) >= 2) boxForm.requestSubmit();
  });
  frame.addEventListener("pointercancel", () => { start = null; });

  // Arrows move the part, with Shift they change its size, Enter searches it.
  frame.addEventListener("keydown", (event) => {
    if (event.key === "Enter") return boxForm.requestSubmit();
    const step = { ArrowLeft: [-2, 0], ArrowRight: [2, 0], ArrowUp: [0, -2], ArrowDown: [0, 2] }[event.key];
    if (!step) return;
    event.preventDefault();
    let [x, y, width, height] = sides.map((input) => Number(input.value));
    if (width >= 100 && height >= 100) [x, y, width, height] = [25, 25, 50, 50];
    if (event.shiftKey) {
      width = Math.min(100 - x, Math.max(4, width + step[0]));
      height = Math.min(100 - y, Math.max(4, height + step[1]));
    } else {
      x = Math.min(100 - width, Math.max(0, x + step[0]));
      y = Math.min(100 - height, Math.max(0, y + step[1]));
    }
    draw(x, y, width, height);
  });
}

// The cut-off, live

const cut = document.querySelector("[data-cut]");
cut?.elements.within.addEventListener("input", () => {
  const within = Number(cut.elements.within.value);
  cut.querySelector("output").value = within.toFixed(1);
  let shown = 0;
  for (const tile of document.querySelectorAll("#tiles > li")) {
    tile.hidden = Number(tile.dataset.distance) > within;
    shown += !tile.hidden;
  }
  const none = document.querySelector("[data-none]");
  if (none) none.hidden = shown > 0;
});

// Filters keep their place, and what is open

const filters = document.getElementById("filters");
const kept = `lookalike filters ${location.pathname}`;

if (filters) {
  try {
    const { top, open } = JSON.parse(sessionStorage.getItem(kept)) ?? { top: 0, open: {} };
    for (const facet of filters.querySelectorAll("[data-facet]")) {
      if (facet.dataset.facet in open) facet.open = facet.open || open[facet.dataset.facet];
    }
    // What is wrong with the filter stands at its top.
    filters.scrollTop = filters.querySelector("[aria-invalid]") ? 0 : top;
  } catch { /* Without storage they begin at the top. */ }
  addEventListener("pagehide", () => {
    const open = Object.fromEntries([...filters.querySelectorAll("[data-facet]")].map((facet) => [facet.dataset.facet, facet.open]));
    try {
      sessionStorage.setItem(kept, JSON.stringify({ top: filters.scrollTop, open }));
    } catch { /* As above. */ }
  });
}
