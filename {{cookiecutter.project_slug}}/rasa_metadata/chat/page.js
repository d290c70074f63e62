// The page around the conversation: its texts, what is known of the user, what was left out.

import { leaves } from "./metadata.js";
import { element } from "./replies.js";

const RIGHT_TO_LEFT = ["ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"];
const byId = (id) => document.getElementById(id);

export const texts = await fetch("chat/texts.json").then((response) => response.json());

export function showTexts(startOver) {
  document.documentElement.lang = texts.lang;
  document.title = texts.name;
  for (const id of ["name", "known", "restart"]) byId(id).textContent = texts[id];
  byId("restart").addEventListener("click", startOver);
}

/** Show metadata, and whom a token names; `locale` decides where the page reads from. */
export function showWhatIsKnown(metadata, signedInAs, locale = texts.lang) {
  const language = String(locale).toLowerCase().split(/[-_]/)[0];
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";

  const known = leaves(metadata);
  if (signedInAs) known.unshift([texts.signed_in, signedInAs]);
  const rows = known.flatMap(([path, value]) => [
    element("dt", {}, path),
    element("dd", {}, value === null ? texts.cleared : display(value)),
  ]);
  const nothing = [element("dd", {}, texts.nothing_known)];
  byId("metadata").replaceChildren(...(rows.length ? rows : nothing));
}

/** Show a sentence above the conversation, with `values` in its braces. */
export function warn(sentence, values = {}) {
  const filled = sentence.replace(/{(\w+)}/g, (_, name) => values[name]);
  const row = element("li", {}, filled);
  const hide = element("button", { type: "button" }, texts.dismiss);
  hide.addEventListener("click", () => row.remove());
  row.append(hide);
  byId("notices").append(row);
}

/** Tell a screen reader whether the bot is writing; return whether that is new. */
export function tellTyping(on) {
  const status = byId("typing");
  const said = on ? texts.typing : "";
  if (status.textContent === said) return false;
  status.textContent = said;
  return true;
}

function display(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
