// The desk follows what others do. It works without this file: then it is loaded again.

const EVERY = 60_000, STILL = 5_000;
let looked = Date.now(), touched = 0;

// Nothing moves under a hand that is about to press.
for (const kind of ["pointermove", "pointerdown", "keydown", "wheel"])
  addEventListener(kind, () => { touched = Date.now(); }, { passive: true });

const parts = (page) => [...page.querySelectorAll("[data-live]")];
// Each answer has other tokens against forgery.
const bare = (part) => part.innerHTML.replace(/(csrfmiddlewaretoken" value=")[^"]+/g, "$1");
// That all wait a minute longer is no news.
const ages = (part) => bare(part).replace(/<span class="age">[^<]*/g, "");
const marks = (one) => [one.tagName, one.id, one.name, one.value, one.href, one.textContent].join();
const like = (part, one) => [...part.querySelectorAll(one.tagName)].find((other) => marks(other) === marks(one));

function put(part, fresh) {
  const focused = part.contains(document.activeElement) && document.activeElement;
  for (const open of part.querySelectorAll("details[open]")) like(fresh, open)?.setAttribute("open", "");
  part.replaceChildren(...fresh.childNodes);
  if (focused) like(part, focused)?.focus({ preventScroll: true });
}

async function follow() {
  const answer = await fetch(location.pathname, { headers: { "X-Refresh": "1" } });
  if (!answer.ok || answer.redirected || Date.now() - touched < STILL) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = new Map(parts(page).map((part) => [part.dataset.live, part]));
  const changed = parts(document).filter((part) => {
    const other = fresh.get(part.dataset.live);
    return other && bare(other) !== bare(part);
  });
  if (!changed.length) return;
  const isNews = changed.some((part) => ages(fresh.get(part.dataset.live)) !== ages(part));
  const inView = [...document.querySelectorAll("[data-live] [id]")].find((one) => one.getBoundingClientRect().top >= 0);
  const top = inView?.getBoundingClientRect().top;
  for (const part of changed) put(part, fresh.get(part.dataset.live));
  const now = inView && document.getElementById(inView.id);
  if (now) scrollBy(0, now.getBoundingClientRect().top - top);
  if (!isNews) return;
  const said = document.querySelector("[data-changed]");
  said.textContent = said.dataset.changed;
}

setInterval(async () => {
  const now = Date.now();
  if (document.hidden || now - looked < EVERY || now - touched < STILL) return;
  looked = now;
  await follow().catch(() => {}); // the next time may find the server again
}, STILL);
