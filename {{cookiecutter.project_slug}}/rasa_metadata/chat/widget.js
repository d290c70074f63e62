// The conversation, drawn by deep-chat: made safe, and labelled where it labels nothing.

import { texts } from "./bot.js";
import { actionOf, guardMarkdown } from "./replies.js";

const style = await fetch("chat/widget.css").then((response) => response.text());
const SEND =
  '<svg viewBox="0 0 24 24" xmlns="http://www.w3.org/2000/svg" aria-hidden="true">' +
  '<path d="M3 20.5v-7l9-1.5-9-1.5v-7L22 12z"/></svg>';

/**
 * Put the widget into the page, and return it once it is there; null if it is not installed.
 *
 * @param {object[]} history earlier messages, as the widget takes them
 * @param {function(string)} say takes what the user types
 * @param {function(object)} press takes the action of a button in a message
 * @param {boolean} focus whether one may type at once
 */
export async function widget({ history, say, press, focus }) {
  if (!window.DOMPurify || !customElements.get("deep-chat")) return null;
  guardMarkdown();
  const made = document.createElement("deep-chat");
  Object.assign(made, {
    auxiliaryStyle: style,
    connect: { websocket: true, handler: listen }, // the mode in which one may always type
    displayLoadingBubble: { toggle() {} }, // becomes the widget's own
    history,
    submitButtonStyles: { submit: { svg: { content: SEND } } },
    textInput: { placeholder: { text: texts.placeholder } },
  });
  // Without a font of its own the widget asks a server of Google's for one.
  const box = { border: "0", display: "block", height: "100%", width: "100%" };
  Object.assign(made.style, { ...box, fontFamily: "inherit" });
  made.addEventListener("click", (event) => {
    const action = actionOf(event);
    if (action) press(action);
  });
  renderOnce(made);
  label(
    await new Promise((resolve) => {
      made.onComponentRender = resolve;
      document.getElementById("talk").replaceChildren(made);
    }),
  );
  return made;

  function listen(_, signals) {
    signals.newUserMessage.listener = ({ messages }) => say(messages.at(-1).text);
    signals.onOpen();
  }

  function label({ shadowRoot }) {
    const describe = (selector, attributes) => {
      const part = shadowRoot.querySelector(selector);
      for (const [key, value] of Object.entries(attributes)) part?.setAttribute(key, value);
    };
    const log = { role: "log", "aria-live": "polite", "aria-label": texts.conversation };
    describe("#messages", { ...log, tabindex: "0" });
    describe("#text-input", { "aria-multiline": "true" });
    describe(".input-button", { role: "button", tabindex: "0", "aria-label": texts.send });
    if (focus) shadowRoot.getElementById("text-input").focus();
  }
}

/** On a busy machine the widget renders twice, and loses what was typed and labelled between. */
function renderOnce(made) {
  const render = made.onRender;
  made.onRender = () => {
    made.onRender = () => {};
    render.call(made);
  };
}
