// A click on a picture says where its main point is. Without this file, its two numbers do.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const percent = (value) => Math.min(100, Math.max(0, Math.round(value) || 0));
const uploadOf = (pad) => pad.parentElement.querySelector("[type=file]");
const beside = (field, name) => field.form.elements[field.name.replace(/\w+$/, name)];
const numbersOf = (pad) => ["focus_x", "focus_y"].map((name) => beside(uploadOf(pad), name));
const pointOf = (pad) => numbersOf(pad).map((field) => percent(field.value));

function mark(pad) {
  const [x, y] = pointOf(pad), at = pad.querySelector("svg svg");
  at.setAttribute("x", `${x}%`);
  at.setAttribute("y", `${y}%`);
}

function move(pad, ...point) {
  numbersOf(pad).forEach((field, index) => {
    field.value = percent(point[index]);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const [x, y] = pointOf(pad), said = pad.parentElement.querySelector("[role=status]");
  said.textContent = said.dataset.said.replace("{x}", x).replace("{y}", y);
}

// Rows that are added are copies of one that is made ready here, too.
for (const pad of document.querySelectorAll(".main-point")) {
  pad.tabIndex = 0;
  pad.setAttribute("role", "application");
  pad.setAttribute("aria-label", pad.dataset.name);
  pad.previousElementSibling.hidden = pad.hidden;
  mark(pad);
}

document.addEventListener("click", (event) => {
  const pad = event.target.closest(".main-point");
  if (!pad) return;
  const { left, top, width, height } = pad.querySelector("img").getBoundingClientRect();
  move(pad, (event.clientX - left) / width * 100, (event.clientY - top) / height * 100);
});

document.addEventListener("keydown", (event) => {
  const pad = event.target.closest(".main-point"), step = STEPS[event.key];
  if (!pad || !step || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  move(pad, ...pointOf(pad).map((value, index) => value + step[index]));
});

document.addEventListener("input", (event) => {
  if (!/\bfocus_[xy]$/.test(event.target.name)) return;
  mark(beside(event.target, "upload").parentElement.querySelector(".main-point"));
});

// A picture that was just chosen is shown before it is sent; the site takes no other address
// of it than one that holds it.
document.addEventListener("change", (event) => {
  const pad = event.target.type === "file" && event.target.parentElement.querySelector(".main-point");
  const [file] = (pad && event.target.files) || [];
  if (!file) return;
  const reader = new FileReader(), picture = new Image();
  const show = (isShown) => { pad.hidden = pad.previousElementSibling.hidden = !isShown; };
  picture.alt = pad.dataset.alt;
  picture.addEventListener("load", () => {
    pad.querySelector("img")?.remove();
    pad.prepend(picture);
    show(true);
  });
  picture.addEventListener("error", () => show(false));
  reader.addEventListener("load", () => { picture.src = reader.result; });
  reader.readAsDataURL(file);
});
