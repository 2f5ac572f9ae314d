// Two pictures in full screen: side by side with the same zoom and place, or one over the other with a slider.

const LARGEST = 16;

const dialog = document.getElementById("compare");
const stage = dialog?.querySelector(".stage");
const part = (name) => dialog.querySelector(`[data-do="${name}"]`);

let pictures = [];
let marked = () => {};
const chosen = { left: 0, right: 1 };
const view = { zoom: 1, x: 0, y: 0, slide: 50 };

function draw() {
  for (const side of ["left", "right"]) {
    const figure = stage.querySelector(`figure[data-side="${side}"]`);
    const { tile, large, name, facts } = pictures[chosen[side]];
    const image = figure.querySelector("img");
    if (image.getAttribute("src") !== large) image.src = large;
    figure.querySelector("figcaption").textContent = `${name} · ${facts}`;
    const box = tile.querySelector('input[name="go"]');
    figure.classList.toggle("goes", Boolean(box?.checked));
    dialog.querySelector(`select[data-side="${side}"]`).value = String(chosen[side]);
  }
  place();
}

function place() {
  const over = stage.dataset.mode === "over";
  for (const view_ of stage.querySelectorAll(".view img")) {
    view_.style.setProperty("transform", `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`);
  }
  const right = stage.querySelector('figure[data-side="right"] .view');
  right.style.setProperty("clip-path", over ? `inset(0 0 0 ${view.slide}%)` : "none");
  stage.style.setProperty("--slide", `${view.slide}%`);
  dialog.querySelector("[data-zoom]").textContent = `${Math.round(view.zoom * 100)} %`;
  part("mode").setAttribute("aria-pressed", String(over));
  part("slide").closest("label").hidden = !over;
}

function fit() {
  Object.assign(view, { zoom: 1, x: 0, y: 0 });
  place();
}

/** Zoom, so that what is at (x, y), measured from the middle of a picture, stays there. */
function zoom(factor, x = 0, y = 0) {
  const to = Math.max(1, Math.min(LARGEST, view.zoom * factor));
  view.x = x - ((x - view.x) * to) / view.zoom;
  view.y = y - ((y - view.y) * to) / view.zoom;
  view.zoom = to;
  if (to === 1) view.x = view.y = 0;
  place();
}

function swap() {
  [chosen.left, chosen.right] = [chosen.right, chosen.left];
  draw();
}

/** Another picture on the right; the one on the left is passed over. */
function step(by) {
  const count = pictures.length;
  let at = chosen.right;
  do at = (at + by + count) % count; while (at === chosen.left && count > 1);
  chosen.right = at;
  draw();
}

function toggleMode() {
  stage.dataset.mode = stage.dataset.mode === "over" ? "beside" : "over";
  place();
}

function setMark(goes) {
  marked(pictures[chosen.right].tile, goes);
  draw();
}

const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  ArrowUp: () => setMark(false),
  ArrowDown: () => setMark(true),
  z: () => dialog.close(),
  s: swap,
  d: toggleMode,
  "+": () => zoom(1.5),
  "=": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
  0: fit,
};
const BUTTONS = { swap, mode: toggleMode, in: KEYS["+"], out: KEYS["-"], fit, close: () => dialog.close() };

export const compare = {
  /** Show one of some tiles beside the first other one. `mark(tile, goes)` marks one. */
  open(tiles, current, mark) {
    if (tiles.length < 2 || dialog.open) return;
    marked = mark;
    pictures = tiles.map((tile) => ({
      tile,
      large: tile.querySelector("img").dataset.large,
      name: tile.dataset.id,
      facts: tile.querySelector(".facts").textContent.trim(),
    }));
    chosen.left = current === 0 ? 0 : pictures.findIndex((_, at) => at !== current);
    chosen.right = current === 0 ? 1 : current;
    for (const select of dialog.querySelectorAll("select")) {
      select.replaceChildren(...pictures.map(({ name }, at) => new Option(name, String(at))));
    }
    stage.dataset.mode = "beside";
    Object.assign(view, { zoom: 1, x: 0, y: 0, slide: 50 });
    part("slide").value = "50";
    dialog.showModal();
    draw();
  },

  /** Whether a key is the viewer's; it has acted then. */
  takes(event) {
    if (!dialog?.open || event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.target.matches("select, input")) return false;
    const act = KEYS[event.key];
    if (!act) return false;
    event.preventDefault();
    act();
    return true;
  },
};

if (dialog) {
  dialog.addEventListener("click", (event) => BUTTONS[event.target.closest("[data-do]")?.dataset.do]?.());
  dialog.addEventListener("change", (event) => {
    if (!event.target.matches("select")) return;
    chosen[event.target.dataset.side] = Number(event.target.value);
    draw();
  });
  part("slide").addEventListener("input", (event) => {
    view.slide = Number(event.target.value);
    place();
  });
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = event.target.closest(".view")?.getBoundingClientRect() ?? stage.getBoundingClientRect();
    const [x, y] = [event.clientX - box.x - box.width / 2, event.clientY - box.y - box.height / 2];
    zoom(Math.exp(-event.deltaY / 400), x, y);
  }, { passive: false });
  const fingers = new Map();
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const others = [...fingers.values()].filter((each) => each.pointerId !== event.pointerId);
    if (others.length === 1) {
      const apart = (each) => Math.hypot(each.clientX - others[0].clientX, each.clientY - others[0].clientY);
      zoom(apart(event) / Math.max(1, apart(before)));
    } else {
      view.x += event.clientX - before.clientX;
      view.y += event.clientY - before.clientY;
      place();
    }
    fingers.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
}
