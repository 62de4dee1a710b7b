// Every page works without this file: then the signs are typed, as the help above the form says.

// What a button puts around the words that are chosen, or in place of none.
const BUTTONS = {
  Bold: ["**", "**", "important words"],
  Link: ["[", "](/visit-us/)", "words of the link"],
  Heading: ["\n### ", "\n", "What to bring"],
  List: ["\n- ", "\n- \n", "one thing"],
  Steps: ["\n1. ", "\n2. \n", "first step"],
  Warning: ["\n::: warning Take care\n", "\n:::\n", "What to look out for."],
  "Call 911": ["\n::: call-911\n- ", "\n:::\n", "you have chest pain"],
  Do: ["\n::: do Do\n- ", "\n:::\n", "keep moving gently"],
  "Do not": ["\n::: dont Do not\n- ", "\n:::\n", "stop a medicine on your own"],
  "More to open": ["\n::: more Read more\n", "\n:::\n", "What only some people want to know."],
};

const said = document.createElement("p");
said.setAttribute("role", "status");

// Who comes back finds the page as it is now, but what they had typed: that goes with what they saw then.
// Browsers put it there only after this file has run.
const seen = document.getElementById("id_seen");
if (seen) addEventListener("pageshow", () => {
  const isTyped = (field) => /^(text|textarea|number)$/.test(field.type) && field.value !== field.defaultValue;
  if (history.state?.seen && [...seen.form.elements].some(isTyped)) seen.value = history.state.seen;
  history.replaceState({ ...history.state, seen: seen.value }, "");
});

for (const field of document.querySelectorAll("textarea")) {
  if (!/(^|-)(body|answer|preparation|biography|getting_here|step_free_access)$/.test(field.name)) continue;
  const bar = document.createElement("div");
  bar.className = "editor";
  bar.setAttribute("role", "toolbar");
  const part = field.closest(".inline-related")?.querySelector(".inline_label");
  const names = [part, field.labels[0]].map((one) => one?.textContent.trim().replace(/:$/, ""));
  bar.setAttribute("aria-label", ["What to put in", ...names.filter(Boolean)].join(", "));
  for (const name of Object.keys(BUTTONS)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet";
    button.textContent = name;
    button.tabIndex = bar.children.length ? -1 : 0;
    bar.append(button);
  }
  field.before(bar);
}

// Tab leads past a row of buttons, arrows lead through it: there are very many rows.
document.addEventListener("keydown", (event) => {
  const bar = event.target.closest?.(".editor"), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!bar || !step) return;
  event.preventDefault();
  const buttons = [...bar.children], next = buttons.at((buttons.indexOf(event.target) + step) % buttons.length);
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
  next.focus();
});

// Heard here, for rows that are added are copies.
document.addEventListener("click", (event) => {
  const bar = event.target.closest(".editor"), parts = BUTTONS[event.target.textContent];
  if (!bar || !parts) return;
  const field = bar.nextElementSibling, [before, after, example] = parts;
  const { selectionStart: start, selectionEnd: end, value } = field;
  const words = value.slice(start, end) || example;
  field.setRangeText(before + words + after, start, end);
  field.focus();
  field.setSelectionRange(start + before.length, start + before.length + words.length);
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

// What is copied from Word, Google Docs or a page becomes what the design has: paragraphs, headings, lists, links,
// bold words and tables. The browser alone would paste the bare words, with the signs of lists as letters.
const SIGN = "[style*='mso-list:Ignore' i]";  // what Word draws before a paragraph that is one of a list
// What is no part of the text: whoever pastes it is told.
const ASIDE = {
  pictures: "img",
  comments: ".MsoCommentReference, [style*='mso-element:comment' i], sup:has(> a[href^='#cmnt']), p:has(> a[href^='#cmnt_ref'])",
  "words that were deleted in it": "del, .msoDel",
};
const LEFT_OUT = ["style, script, title", SIGN, ...Object.values(ASIDE)].join();
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const BLOCKS = "p, div, h1, h2, h3, h4, h5, h6, ul, ol, li, table, blockquote, section, article, header, footer, main";
const isBold = (node) => /^(B|STRONG)$/.test(node.tagName)
  ? !/normal|400/.test(node.style.fontWeight) : /^(bold|bolder|[6-9]00)$/.test(node.style.fontWeight);

// Words and what stands in a line; the marks stand next to words, or they would be read as signs.
function wordsOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/[\s\u00a0]+/g, " ");
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches(LEFT_OUT)) return "";
  if (node.tagName === "BR") return "\n";
  const inside = [...node.childNodes].map(wordsOf).join("");
  const [, before, words, after] = inside.match(/^(\s*)([^]*?)(\s*)$/);
  if (!words) return inside;
  if (node.tagName === "SUP" && /^\d+$/.test(words)) return inside.replace(/\d/g, (digit) => RAISED[digit]);
  if (node.tagName === "A" && /^(https?|mailto|tel):/.test(node.href) && !node.getAttribute("href").startsWith("#")) {
    const url = new URL(node.href), target = url.host === "www.google.com" && url.pathname === "/url" && url.searchParams.get("q");
    return `${before}[${words}](${(target || node.href).replace(`${location.origin}/`, "/")})${after}`;
  }
  return isBold(node) && !node.closest("h1, h2, h3, h4, h5, h6, th") ? `${before}**${words.replaceAll("**", "")}**${after}` : inside;
}

const lineOf = (node) => wordsOf(node).trim().replace(/ *\n */g, "\n");

// Blocks one after the other, each with the lines between them that Markdown wants.
function* blocksOf(node, indent = "") {
  let loose = document.createElement("p");
  for (const one of [...node.childNodes, null]) {
    if (one && !(one.nodeType === Node.ELEMENT_NODE && (one.matches(BLOCKS) || one.querySelector(BLOCKS)))) {
      loose.append(one.cloneNode(true));
      continue;
    }
    if (lineOf(loose)) yield `\n${lineOf(loose)}\n`;
    loose = document.createElement("p");
    if (!one) return;
    if (one.matches(LEFT_OUT)) continue;
    const list = one.getAttribute("style")?.match(/mso-list:[^;]*level(\d)/i);
    if (list) {
      const isStep = /^\W*\w{1,3}[.)]/.test(one.querySelector(SIGN)?.textContent.trim() ?? "");
      if (lineOf(one)) yield `${"   ".repeat(list[1] - 1)}${isStep ? "1." : "-"} ${lineOf(one)}\n`;
    } else if (/^[UO]L$/.test(one.tagName)) {
      if (!indent) yield "\n";
      yield* itemsOf(one, indent);
      if (!indent) yield "\n";
    } else if (/^H[1-6]$/.test(one.tagName)) {
      if (lineOf(one)) yield `\n### ${lineOf(one).replaceAll("\n", " ")}\n`;
    } else if (one.tagName === "TABLE") {
      const cells = (row) => `| ${[...row.cells].map((cell) => lineOf(cell).replace(/\n+/g, " ").replaceAll("|", "\\|")).join(" | ")} |\n`;
      yield ["\n", ...[...one.rows].map((row, n) => cells(row) + (n ? "" : `|${" - |".repeat(row.cells.length)}\n`))].join("");
    } else if (one.matches("p") || !one.querySelector(BLOCKS)) {
      if (lineOf(one)) yield `\n${lineOf(one)}\n`;
    } else yield* blocksOf(one, indent);
  }
}

function* itemsOf(list, indent) {
  for (const [number, item] of [...list.children].entries()) {
    if (/^[UO]L$/.test(item.tagName)) {  // Google Docs puts a list into a list
      yield* itemsOf(item, `${indent}   `);
      continue;
    }
    const inner = item.cloneNode(true);
    for (const one of inner.querySelectorAll("ul, ol")) one.remove();
    const sign = list.tagName === "OL" ? `${number + 1}.` : "-";
    if (lineOf(inner)) yield `${indent}${sign} ${lineOf(inner).replace(/\n+/g, " ")}\n`;
    for (const one of item.querySelectorAll(":scope > ul, :scope > ol")) yield* itemsOf(one, `${indent}   `);
  }
}

document.addEventListener("paste", (event) => {
  const field = event.target, { files } = event.clipboardData;
  const html = event.clipboardData.getData("text/html") || (files.length ? "<img>" : "");
  if (!field.previousElementSibling?.matches(".editor") || !html) return;
  const { body } = new DOMParser().parseFromString(html, "text/html");
  let text = [...blocksOf(body)].join("").replace(/^(?! *(?:-|1\.) )(.+\n)(?= *(?:-|1\.) )/gm, "$1\n").replace(/\n{3,}/g, "\n\n").trim();
  const aside = Object.keys(ASIDE).filter((name) => body.querySelector(ASIDE[name])).join(", ");
  const left = aside && ` Left out: ${aside}.`;
  field.after(said);
  said.textContent = text ? "" : left;
  if (!text || text === event.clipboardData.getData("text/plain").trim()) return;
  event.preventDefault();
  if (/^(#|-|\d+\.|\|) ?/.test(text) && /[^\n]$/.test(field.value.slice(0, field.selectionStart))) text = `\n\n${text}`;
  // So that it can be undone, which setting the value would not be.
  if (!document.execCommand("insertText", false, text)) field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  const struck = body.querySelector("s, strike, [style*='line-through' i]") ? " Words that are crossed out in it stand here like the others." : "";
  said.textContent = `Pasted with its headings, lists, links, bold words and tables, without italics, colors and fonts.${left}${struck} Look at it before you save.`;
});

// What has a number for its place can be dragged there, or moved a step by a button.
const PLACE = "[name$='-order']";
const rowsOf = (group) => [...group.querySelectorAll(".inline-related:not(.empty-form)")];
const placeOf = (row) => Number(row.querySelector(PLACE)?.value);
const indexOf = (row) => Number(row.id.split("-").at(-1));

function arrange(group, by) {
  const rows = rowsOf(group), end = rows.at(-1)?.nextSibling;
  for (const row of rows.sort((one, other) => by(one) - by(other))) row.parentNode.insertBefore(row, end);
}

function settled(row) {
  const group = row.closest(".inline-group"), rows = rowsOf(group);
  rows.forEach((one, index) => { one.querySelector(PLACE).value = index + 1; });
  group.before(said);
  said.textContent = `Now in place ${rows.indexOf(row) + 1} of ${rows.length}. Save to keep it.`;
  row.querySelector(PLACE).dispatchEvent(new Event("input", { bubbles: true }));
}

for (const group of document.querySelectorAll(".inline-group")) {
  if (!group.querySelector(PLACE)) continue;
  arrange(group, placeOf);
  for (const row of group.querySelectorAll(".inline-related")) {
    const bar = document.createElement("div");
    bar.className = "place";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Place in the page");
    bar.innerHTML = '<span draggable="true" aria-hidden="true" title="Drag to another place">⠿</span>'
      + '<button type="button" class="button quiet" data-step="-1">Move up</button>'
      + '<button type="button" class="button quiet" data-step="1">Move down</button>';
    row.querySelector("h3").after(bar);
  }
}

document.addEventListener("click", (event) => {
  const step = Number(event.target.dataset.step), row = event.target.closest(".inline-related");
  if (!step) return;
  const rows = rowsOf(row.closest(".inline-group")), other = rows[rows.indexOf(row) + step];
  if (other) step < 0 ? other.before(row) : other.after(row);
  settled(row);
  event.target.focus();
});

let dragged = null;
document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.(".place") && event.target.closest(".inline-related");
  if (dragged) event.dataTransfer.setDragImage(dragged, 0, 0);
});
document.addEventListener("dragover", (event) => {
  const over = event.target.closest(".inline-related:not(.empty-form)");
  if (!dragged || !over || over.closest(".inline-group") !== dragged.closest(".inline-group")) return;
  event.preventDefault();
  if (over === dragged) return;
  const { top, height } = over.getBoundingClientRect();
  event.clientY < top + height / 2 ? over.before(dragged) : over.after(dragged);
});
document.addEventListener("dragend", () => {
  if (dragged) settled(dragged);
  dragged = null;
});

document.addEventListener("formset:added", (event) => {
  const place = event.target.querySelector(PLACE);
  if (place) place.value = rowsOf(event.target.closest(".inline-group")).length;
});
// Django counts the rows anew as they stand when one is taken out; new ones must be last.
document.addEventListener("click", (event) => {
  const group = event.target.closest(".inline-deletelink")?.closest(".inline-group");
  if (!group?.querySelector(PLACE)) return;
  arrange(group, indexOf);
  setTimeout(() => arrange(group, placeOf));
}, true);

// Browsers show no focus on a frame, which is scrolled by the keyboard once it has it.
for (const frame of document.querySelectorAll(".looks iframe")) {
  const listen = () => {
    for (const kind of ["focus", "blur"])
      frame.contentWindow.addEventListener(kind, () => frame.toggleAttribute("data-focus", kind === "focus"));
  };
  listen();
  frame.addEventListener("load", listen);
}

// The page as patients will read it, beside the form, a moment after each change.
const live = document.querySelector(".live");
if (live) {
  const form = live.closest("form"), looks = live.querySelector(".looks"), frame = looks.firstElementChild;
  const said = live.querySelector("[role=status]");
  let timer, asked, top = 0;
  live.hidden = false;

  const show = async () => {
    asked?.abort();
    asked = new AbortController();
    const sent = new FormData(form);
    sent.set("typed", "1");
    for (const [name, value] of [...sent]) if (value instanceof File) sent.delete(name);
    try {
      const answer = await fetch("../preview/", { method: "POST", body: sent, signal: asked.signal });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const shown = page.querySelector("iframe");
      const faults = [...page.querySelectorAll(".problem li")].map((fault) => fault.textContent);
      said.textContent = shown ? "" : [said.dataset.faults, ...faults].join(" ");
      if (!shown) return;
      top = frame.contentWindow.scrollY;
      frame.srcdoc = shown.getAttribute("srcdoc");
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = said.dataset.away;
    }
  };
  const later = () => {
    clearTimeout(timer);
    if (!looks.hidden) timer = setTimeout(show, 600);
  };
  // The question that somebody writes at comes into sight.
  const follow = (field) => {
    const anchor = field.closest(".inline-related")?.querySelector("[name$='-anchor']")?.value;
    const place = anchor && frame.contentDocument.getElementById(anchor);
    if (place) frame.contentWindow.scrollTo(0, place.getBoundingClientRect().top + frame.contentWindow.scrollY - 20);
    return place;
  };

  frame.addEventListener("load", () => {
    if (!follow(document.activeElement)) frame.contentWindow.scrollTo(0, top);
  });
  form.addEventListener("input", later);
  form.addEventListener("formset:removed", later);
  form.addEventListener("focusin", (event) => { if (!looks.hidden) follow(event.target); });
  live.addEventListener("click", (event) => {
    const width = event.target.dataset.width, open = live.dataset.open !== width && width;
    if (!width) return;
    live.dataset.open = open || "";
    looks.hidden = !open;
    for (const button of live.querySelectorAll("button")) button.setAttribute("aria-pressed", button.dataset.width === open);
    if (open) show();
  });
}
