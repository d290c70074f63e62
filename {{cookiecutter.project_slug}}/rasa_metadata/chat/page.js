// The page around the conversation: what the bot knows about the user, and notices.

import { config, texts } from "./bot.js";
import { labelled } from "./metadata.js";
import { element } from "./replies.js";

const RIGHT_TO_LEFT = ["ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"];
const byId = (id) => document.getElementById(id);

byId("panel").hidden = !config.panel;

/** Show metadata, and whom a token names; `locale` decides where the page reads from. */
export function showWhatIsKnown(metadata, signedInAs, locale = texts.lang) {
  const language = String(locale).toLowerCase().split(/[-_]/)[0];
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";

  const known = labelled(metadata, config.schema ?? {});
  if (signedInAs) known.unshift([texts.signed_in, signedInAs]);
  const rows = known.flatMap(([label, value]) => [
    element("dt", {}, label),
    element("dd", {}, inWords(value)),
  ]);
  const nothing = [element("dd", {}, texts.nothing_known)];
  byId("metadata").replaceChildren(...(rows.length ? rows : nothing));
}

/**
 * Show a sentence above the conversation.
 *
 * @param {string} sentence
 * @param {object} values for the names in its braces
 * @param {{title: string, press: function()}} [offer] a button
 */
export function warn(sentence, values = {}, offer) {
  const filled = sentence.replace(/{(\w+)}/g, (_, name) => inWords(values[name]));
  const row = element("li", {}, filled);
  const hide = { title: texts.dismiss, press: () => row.remove() };
  for (const { title, press } of offer ? [offer, hide] : [hide]) {
    const button = element("button", { type: "button" }, title);
    button.addEventListener("click", press);
    row.append(button);
  }
  byId("notices").append(row);
}

/** Show a screen reader whether the bot is typing; return whether that is new. */
export function showTyping(on) {
  const status = byId("typing");
  const text = on ? texts.typing : "";
  if (status.textContent === text) return false;
  status.textContent = text;
  return true;
}

function inWords(value) {
  if (value === null) return texts.cleared;
  if (typeof value === "boolean") return value ? texts.yes : texts.no;
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
