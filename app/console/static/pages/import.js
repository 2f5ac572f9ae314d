// Sends the chosen files a few at a time, so that there is progress to be seen and no request is too large.

import { say, send } from "../console.js";

const AT_ONCE = 8;
const BYTES_AT_ONCE = 16_000_000;
const form = document.getElementById("import");
const stop = document.getElementById("stop");
const progress = document.querySelector("#progress progress");
let stopped = false;

/** The chosen files in batches of so many bytes at most; a larger file goes alone. */
function batches(files, most) {
  const parts = [];
  let size = Infinity;
  for (const file of files) {
    if (size + file.size > Math.min(BYTES_AT_ONCE, most) || parts.at(-1).length >= AT_ONCE) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1).push(file);
    size += file.size;
  }
  return parts;
}

function skip(name, reason) {
  const line = document.createElement("li");
  const named = document.createElement("bdi");
  named.className = "grow";
  named.textContent = name;
  const told = document.createElement("span");
  told.className = "warm";
  told.textContent = reason;
  line.append(named, told);
  document.getElementById("reasons").append(line);
  count("skipped", 1);
}

function count(id, more) {
  const number = document.getElementById(id);
  number.textContent = Number(number.textContent) + more;
}

/** The path of a file within the folder that was chosen, or its name. */
const pathOf = (file) => file.webkitRelativePath || file.name;

/** Send a batch; false where going on makes no sense. */
async function sendBatch(files, guarded) {
  const body = new FormData();
  for (const file of files) {
    body.append("path", pathOf(file));
    body.append("files", file, file.name);
  }
  if (guarded) body.append("guarded", "1");
  let answer;
  try {
    answer = await send(form.action, { method: "POST", body });
  } catch {
    say("The service cannot be reached. Choose the files again to go on: what is there already is left out.", { fault: true });
    return false;
  }
  const part = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok) {
    const told = part.querySelector("[role=alert]")?.textContent ?? `The service answered with ${answer.status}.`;
    if (answer.headers.get("HX-Redirect")) location.assign(answer.headers.get("HX-Redirect"));
    for (const file of files) skip(pathOf(file), told);
    return answer.status === 413 || answer.status === 400;
  }
  const { inserted, skipped } = part.querySelector("[data-inserted]").dataset;
  document.getElementById("reasons").append(...part.querySelectorAll("li"));
  count("inserted", Number(inserted));
  count("skipped", Number(skipped));
  return true;
}

async function importAll(files) {
  const most = Number(form.dataset.mostAtOnce) * 0.9;
  const fitting = files.filter((file) => file.size <= Number(form.dataset.mostBytes));
  const guarded = form.elements.guarded.checked;
  const started = performance.now();
  document.getElementById("progress").hidden = document.getElementById("outcome").hidden = false;
  document.getElementById("reasons").replaceChildren();
  for (const id of ["inserted", "skipped"]) document.getElementById(id).textContent = 0;
  for (const file of files) if (!fitting.includes(file)) skip(pathOf(file), "the file is larger than this service accepts");
  progress.max = fitting.length;
  progress.value = 0;
  document.getElementById("count").textContent = `0 of ${fitting.length} files`;
  for (const batch of batches(fitting, most)) {
    if (stopped || !(await sendBatch(batch, guarded))) break;
    progress.value += batch.length;
    const left = ((performance.now() - started) / progress.value) * (fitting.length - progress.value) / 1000;
    document.getElementById("count").textContent =
      `${progress.value} of ${fitting.length} files` + (left > 5 ? `, about ${Math.round(left)} s more` : "");
  }
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = ["folder", "files"].flatMap((id) => [...document.getElementById(id).files]);
  // What systems leave in folders is nobody's picture.
  const files = chosen.filter((file) => !/^(\..*|Thumbs\.db|desktop\.ini)$/i.test(file.name));
  if (!files.length) {
    say("Choose a folder or some files first.");
    return;
  }
  const button = form.querySelector("button");
  button.disabled = true;
  stop.disabled = stopped = false;
  const leaving = (event) => event.preventDefault();
  addEventListener("beforeunload", leaving);
  await importAll(files);
  removeEventListener("beforeunload", leaving);
  for (const id of ["folder", "files"]) document.getElementById(id).value = "";
  button.disabled = false;
  stop.disabled = true;
});

stop?.addEventListener("click", () => {
  stopped = true;
  stop.disabled = true;
});
