// What every page needs: the session's CSRF token with whatever htmx sends, messages, copying, and forms that apply
// themselves when something in them is changed.

const csrf = document.querySelector('meta[name="csrf"]')?.content;

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (csrf && request.method.toUpperCase() !== "GET") request.headers["X-CSRF-Token"] = csrf;
});

document.addEventListener("htmx:error", () => {
  say("The service cannot be reached. Nothing was changed; try again in a moment.", { fault: true });
});

/** The same for requests that a page makes itself: `fetch` with the session's CSRF token. */
export function send(address, options = {}) {
  return fetch(address, { ...options, headers: { ...options.headers, "X-CSRF-Token": csrf, "HX-Request": "true" } });
}

/** Show a line for some seconds, and return it. */
export function say(text, { fault = false, seconds = fault ? 10 : 6 } = {}) {
  const line = document.createElement("p");
  line.className = fault ? "message fault" : "message";
  line.append(text);
  document.getElementById("messages").append(line);
  setTimeout(() => line.remove(), seconds * 1000);
  return line;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  const source = button.dataset.copy ? document.getElementById(button.dataset.copy) : button;
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.", { seconds: 2 });
  } catch {
    // No clipboard without https or permission: what is to be copied is selected instead.
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
    say("Selected: copy it with Ctrl+C.");
  }
});

// <select data-apply> and the like: their form is sent when they change. Without a script it has its button.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-apply]")) event.target.form?.requestSubmit();
});
document.documentElement.classList.add("scripted");
