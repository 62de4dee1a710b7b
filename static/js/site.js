// Every page works without this file.

// Take the reader to what has to be mended.
document.querySelector(".problem")?.focus();

// A second press while the first is on its way sends nothing. After ten seconds the way
// was lost, or somebody stopped it: sending again does no harm. Nor does a look in another tab.
// A page that is itself the answer to a form cannot be had again by the back button: the
// browser shows a warning in its place. So from then on it is asked for by its address.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented || event.submitter?.formTarget) return;
  if (form.dataset.sent) event.preventDefault();
  else setTimeout(() => delete form.dataset.sent, 10_000);
  form.dataset.sent = "yes";
  history.replaceState(history.state, "");
});

// Coming back with the back button makes the forms ready again.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Words for a search are there again in the other language: in no address, and for that
// one page. Last in this file, since a browser that keeps nothing for us ends it here.
const box = document.querySelector("[role=search] input");
const words = sessionStorage.getItem("words");
sessionStorage.removeItem("words");
if (box && words) box.value = words;
addEventListener("click", (event) => {
  if (box?.value && event.target.closest("a[hreflang]")) sessionStorage.setItem("words", box.value);
});
