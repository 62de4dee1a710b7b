// Every page works without this file: then sign-in is simply asked for again.

const idle = document.querySelector("#idle");
const NAME = "draft:", SIGNED_OUT = "signed-out";
const drafts = () => Object.keys(sessionStorage).filter((key) => key.startsWith(NAME));
const wipe = () => [...drafts(), SIGNED_OUT].forEach((key) => sessionStorage.removeItem(key));
const here = NAME + location.pathname;
const forms = () => [...document.querySelectorAll("main form[method=post], #main form[method=post]")];
const fields = () => forms().flatMap((form, n) => [...form.elements].map((field, at) => [`${n}.${at}.${field.name}`, field]))
  .filter(([, field]) => field.matches("textarea, select, input:not([type=hidden], [type=password], [type=submit], [type=file])"));

// What somebody types stays in this tab until the next page of the desk is there.
function keep() {
  const typed = fields().map(([name, field]) => [name, field.type === "select-multiple"
    ? [...field.selectedOptions].map((option) => option.value)
    : field.matches("[type=checkbox], [type=radio]") ? field.checked : field.value]);
  sessionStorage.setItem(here, JSON.stringify({ user: idle.dataset.user, typed }));
}

function bringBack() {
  const { user, typed } = JSON.parse(sessionStorage.getItem(here) ?? "{}");
  if (user !== idle.dataset.user) return;
  const known = new Map(fields());
  for (const [name, value] of typed) {
    const field = known.get(name);
    if (!field) continue;
    if (Array.isArray(value)) for (const option of field.options) option.selected = value.includes(option.value);
    else if (typeof value === "boolean") field.checked = value;
    else field.value = value;
  }
}

if (!idle) {
  // Signing in again, half-way: what was typed waits for the page that it belongs to.
  if (drafts().length) sessionStorage.setItem(SIGNED_OUT, "yes");
} else {
  if (sessionStorage.getItem(SIGNED_OUT)) bringBack();
  wipe();
  document.addEventListener("input", (event) => event.target.closest("main form, #main form") && keep());
  document.querySelector("#logout-form")?.addEventListener("submit", wipe);

  // All tabs share one session, so each counts from the last that was used.
  const SEEN = "desk-seen", seconds = Number(idle.dataset.seconds);
  const seen = () => localStorage.setItem(SEEN, Date.now());
  seen();
  idle.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(event.target.action, {
      method: "POST", body: new FormData(event.target), redirect: "manual",
    });
    if (answer.type === "opaqueredirect") seen();
    delete event.target.dataset.sent;
    look();
  });
  function look() {
    const left = seconds - (Date.now() - Number(localStorage.getItem(SEEN))) / 1000;
    idle.hidden = left > 120;
    // Past the grace that the server gives, so that it has ended there, too.
    if (left < -20) location.assign(location.pathname + location.search);
  }
  setInterval(look, 5000);
}
