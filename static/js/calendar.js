// A visit dragged to a free place opens the form that moves it. Without this file, the link
// on the visit's page leads there.

const table = document.querySelector(".diary tbody");
const visits = [...table.querySelectorAll("[data-move]")];
let held = null;

for (const visit of visits) visit.draggable = true;
document.querySelector("#drag").hidden = !visits.length;

// A free place may be as high as some rows: the one under the hand says when.
const row = (y) => [...table.rows].find((one) => y < one.getBoundingClientRect().bottom);
const place = (event) => held && event.target.closest?.("[data-free]");

function show(...targets) {
  for (const one of table.querySelectorAll("[data-target]")) delete one.dataset.target;
  for (const one of targets) one.dataset.target = "";
}

table.addEventListener("dragstart", (event) => {
  held = (event.target.closest ? event.target : event.target.parentElement).closest("[data-move]");
});
table.addEventListener("dragover", (event) => {
  const cell = place(event);
  if (!cell) return show();
  event.preventDefault();
  show(cell, row(event.clientY));
});
table.addEventListener("drop", (event) => {
  const cell = place(event);
  if (!cell) return;
  event.preventDefault();
  const { start } = row(event.clientY).dataset, { free, clinician } = cell.dataset;
  const said = new URLSearchParams({ start: start > free ? start : free, back: location.pathname + location.search });
  if (clinician) said.set("clinician", clinician);
  location.assign(`${held.dataset.move}?${said}`);
});
addEventListener("dragend", () => { held = null; show(); });
