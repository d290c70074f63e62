// What a tab remembers: it survives a reload and ends with the tab.

import { config } from "./bot.js";

// Of this bot alone: others may have the same host, or the same address at another time.
const KEY = `chat ${window.location.pathname} ${config.bot}`;
const MOST_MESSAGES = 200; // kept for a reload

/** Return a session in which nothing has happened yet.
 *
 * `messages` are those shown, in order. `plain` says that a link's value contains what markdown
 * or an address could be made of.
 */
export function emptySession() {
  return { sender: randomId(), metadata: {}, token: null, messages: [], plain: false };
}

export const session = { ...emptySession(), ...stored() };

export function save() {
  session.messages = session.messages.slice(-MOST_MESSAGES);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(session));
  } catch {
    // No storage, as in some embedded pages, or a full one: the page works until it is closed.
  }
}

/** Start again with another session. */
export function restart(values = {}) {
  Object.assign(session, emptySession(), values);
  save();
  window.location.reload();
}

/** Return a name that nobody else has. `crypto.randomUUID` is missing on plain http. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return the claims of a token. They are not verified here: the server does that. */
export function claims(token) {
  try {
    const base64 = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

/** Return the conversation that a message with a token, or without one, belongs to. */
export function conversation(token) {
  const { sender, sub } = claims(token);
  return token ? (sender ?? `user:${sub}`) : session.sender;
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}
