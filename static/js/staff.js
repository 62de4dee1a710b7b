// Every page works without this file: then sign-in is simply asked for again.

// Django's links that act as buttons hear Enter alone, and what they add or take away would
// lose the focus.
const isButton = (one) => one.matches?.("a[role=button]");
addEventListener("keydown", (event) => {
  if (event.key !== " " || !isButton(event.target)) return;
  event.preventDefault();
  event.target.click();
});
addEventListener("formset:added", (event) => event.target.querySelector("input:not([type=hidden]), select, textarea")?.focus());
addEventListener("formset:removed", (event) => document.querySelector(`#${event.detail.formsetName}-group .add-row a`)?.focus());

// On a phone the heads of a list do not stand above its cells.
for (const list of document.querySelectorAll(".results > table")) {
  const heads = [...list.tHead.rows[0].cells].map((one) => (one.querySelector(".text") ?? one).textContent.trim());
  for (const cell of list.querySelectorAll("tbody td:not(.action-checkbox)")) {
    if (cell.textContent.trim() || cell.firstElementChild) cell.dataset.label = heads[cell.cellIndex];
  }
}

const idle = document.querySelector("#idle");
const NAME = "draft:", SIGNED_OUT = "signed-out";
const drafts = () => Object.keys(sessionStorage).filter((key) => key.startsWith(NAME));
const wipe = () => [...drafts(), SIGNED_OUT].forEach((key) => sessionStorage.removeItem(key));
const here = NAME + location.pathname;
const forms = () => [...document.querySelectorAll("main form[method=post], #main form[method=post]")];
// By name, and by value what is ticked: the page that was left may offer other times.
function fields() {
  const found = new Map();
  for (const field of forms().flatMap((form) => [...form.elements])) {
    if (!field.matches("textarea, select, input:not([type=hidden], [type=password], [type=submit], [type=file])")) continue;
    let name = field.name + (field.matches("[type=checkbox], [type=radio]") ? `=${field.value}` : "");
    while (found.has(name)) name += "+";
    found.set(name, field);
  }
  return found;
}

// What somebody types stays in this tab until the next page of the desk is there.
function keep() {
  const typed = [...fields()].map(([name, field]) => [name, field.type === "select-multiple"
    ? [...field.selectedOptions].map((option) => option.value)
    : field.matches("[type=checkbox], [type=radio]") ? field.checked : field.value]);
  sessionStorage.setItem(here, JSON.stringify({ user: idle.dataset.user, typed }));
}

function bringBack() {
  const { user, typed } = JSON.parse(sessionStorage.getItem(here) ?? "{}");
  if (user !== idle.dataset.user) return;
  const known = fields();
  for (const [name, value] of typed) {
    const field = known.get(name);
    if (!field) continue;
    if (Array.isArray(value)) for (const option of field.options) option.selected = value.includes(option.value);
    else if (typeof value === "boolean") field.checked = value;
    else field.value = value;
  }
  return true;
}

if (!idle) {
  // Signing in again, half-way: what was typed waits for the page that it belongs to.
  if (drafts().length) sessionStorage.setItem(SIGNED_OUT, "yes");
} else {
  // The page may be the answer to what they typed on it, such as the preview of a message.
  const goesOn = sessionStorage.getItem(SIGNED_OUT) ? bringBack() : sessionStorage.getItem(here);
  wipe();
  if (goesOn) keep(); // they may leave again, before they type anything
  document.addEventListener("input", (event) => event.target.closest("main form, #main form") && keep());
  document.querySelector("#logout-form")?.addEventListener("submit", wipe);

  // All tabs share one session, so each counts from the last that was used.
  const SEEN = "desk-seen", seconds = Number(idle.dataset.seconds);
  const form = idle.querySelector("form"), said = document.querySelector("#stays");
  const leave = () => location.assign(location.pathname + location.search);
  const seen = () => localStorage.setItem(SEEN, Date.now());
  let asking = false, before = null;
  seen();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (asking) return;
    asking = true;
    const answer = await fetch(form.action, {
      method: "POST", body: new FormData(form), redirect: "manual", headers: { "X-Stay": "1" },
    }).catch(() => null); // the warning stays, and the next press asks again
    asking = false;
    if (!answer) return;
    if (answer.status !== 204) return leave(); // the session ended elsewhere
    seen();
    look();
    said.textContent = said.dataset.said;
  });
  // Who types has not left, and the button is far from where they type.
  addEventListener("keydown", () => { if (!idle.hidden) form.requestSubmit(); });
  form.addEventListener("focusin", (event) => { before = event.relatedTarget; });
  function look() {
    const left = seconds - (Date.now() - Number(localStorage.getItem(SEEN))) / 1000;
    const focused = idle.contains(document.activeElement);
    const comes = idle.hidden && left <= 120;
    idle.hidden = left > 120;
    // It must not cover where somebody types.
    if (comes) document.activeElement.scrollIntoView({ block: "nearest" });
    if (idle.hidden && focused) before?.focus({ preventScroll: true });
    if (!idle.hidden) said.textContent = "";
    // Past the grace that the server gives, so that it has ended there, too.
    if (left < -20) leave();
  }
  setInterval(look, 5000);
}
