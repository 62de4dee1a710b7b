// Every page works without this file: then the signs are typed, as the help above the form says.

// What a button puts around the words that are chosen, or in place of none.
const BUTTONS = {
  Bold: ["**", "**", "important words"],
  Link: ["[", "](/visit-us/)", "words of the link"],
  List: ["\n- ", "\n- \n", "one thing"],
  Steps: ["\n1. ", "\n2. \n", "first step"],
  Warning: ["\n::: warning Take care\n", "\n:::\n", "What to look out for."],
  "Call 911": ["\n::: call-911\n- ", "\n:::\n", "you have chest pain"],
  Do: ["\n::: do Do\n- ", "\n:::\n", "keep moving gently"],
  "Do not": ["\n::: dont Do not\n- ", "\n:::\n", "stop a medicine on your own"],
  "More to open": ["\n::: more Read more\n", "\n:::\n", "What only some people want to know."],
};

for (const field of document.querySelectorAll("textarea")) {
  if (!/(^|-)(body|answer|preparation|biography|getting_here|step_free_access)$/.test(field.name)) continue;
  const bar = document.createElement("div");
  bar.className = "editor";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "What to put in");
  for (const name of Object.keys(BUTTONS)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet";
    button.textContent = name;
    bar.append(button);
  }
  field.before(bar);
}

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
