// Shows what the bot says. All of it goes through `safe`: it may come from anywhere.

/* global DOMPurify */

import { texts } from "./bot.js";
import { session } from "./session.js";

const LINK = /^(https?|mailto|tel):/i;
const IMAGE = /^(https?:|data:image\/)/i;
const ALLOWED = {
  ALLOWED_TAGS: [
    ...["a", "b", "blockquote", "br", "button", "code", "del", "div", "em", "h1", "h2", "h3"],
    ...["h4", "h5", "h6", "hr", "img", "li", "ol", "p", "pre", "strong", "sub", "sup"],
    ...["table", "tbody", "td", "th", "thead", "tr", "ul"],
  ],
  ALLOWED_ATTR: ["alt", "aria-label", "class", "data-do", "href", "role", "src", "title", "type"],
};

const inert = document.implementation.createHTMLDocument(); // in which nothing is loaded yet

/** Make the widget's markdown safe; call it before there is a widget. */
export function guardMarkdown() {
  DOMPurify.addHook("afterSanitizeAttributes", (element) => {
    if (element.tagName === "A") {
      keep(element, "href", LINK);
      element.setAttribute("target", "_blank");
      element.setAttribute("rel", "noopener noreferrer");
    }
    if (element.tagName === "IMG") keep(element, "src", IMAGE);
  });
  const plugin = (markdown) => {
    const render = markdown.render.bind(markdown);
    markdown.render = (text) => {
      const allow = session.plain ? "disable" : "enable";
      markdown.inline.ruler[allow](["links", "autolink", "entity"]); // pictures too
      markdown.core.ruler[allow]("references");
      return safe(render(text));
    };
  };
  window.remarkable_plugins = [{ plugin }];
}

/**
 * Return what the widget shows for one message of Rasa's REST channel.
 *
 * @param {object} reply with some of text, image, buttons, attachment, custom
 * @returns {{role: string, text?: string, html?: string}[]}
 */
export function shown(reply) {
  const all = [];
  if (reply.text) all.push({ text: String(reply.text) });
  if (reply.image) all.push(html(image(String(reply.image))));
  if (reply.attachment) all.push(html(attachment(reply.attachment)));
  if (reply.custom !== undefined) all.push(html(data(reply.custom)));
  if (reply.buttons?.length) all.push(html(choices(reply.buttons)));
  return all.map((each) => ({ role: "ai", ...each }));
}

/** Return a sentence of the page itself, with buttons [{title, action}] under it. */
export function notice(sentence, buttons = []) {
  const content = element("div", { class: "notice" });
  content.append(element("p", {}, sentence));
  for (const { title, action } of buttons) content.append(button(title, action));
  return { role: "ai", ...html(content) };
}

export function element(name, attributes, text = "") {
  const made = inert.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function image(src) {
  return session.plain ? element("p", {}, src) : element("img", { src, alt: texts.image });
}

function attachment(given) {
  if (typeof given !== "string") return data(given);
  if (session.plain) return element("p", {}, given);
  return element("a", { href: given }, texts.attachment);
}

function data(value) {
  return element("pre", { class: "data" }, JSON.stringify(value, null, 2));
}

function choices(buttons) {
  const label = { role: "group", "aria-label": texts.buttons };
  const group = element("div", { class: "choices", ...label });
  for (const { title, payload } of buttons) {
    group.append(button(title, { title: String(title), payload: String(payload ?? title) }));
  }
  return group;
}

/** Return a button that carries what it does. (Written plain, DOMPurify would take some out.) */
function button(title, action) {
  const data = encodeURIComponent(JSON.stringify(action));
  return element("button", { type: "button", "data-do": data }, title);
}

/** Return what the button that was pressed does; undefined if none was. */
export function actionOf(event) {
  const pressed = event.composedPath()[0].closest?.("[data-do]");
  return pressed && JSON.parse(decodeURIComponent(pressed.dataset.do));
}

function html(content) {
  return { html: safe(content.outerHTML) };
}

function safe(content) {
  return DOMPurify.sanitize(content, ALLOWED);
}

function keep(element, attribute, wanted) {
  if (!wanted.test(element.getAttribute(attribute) ?? "")) element.removeAttribute(attribute);
}
