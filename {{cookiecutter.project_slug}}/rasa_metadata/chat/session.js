// Who the user is: what the tab remembers, until it is closed, and what the site around this page
// adds to it.

import { config } from "./bot.js";

// Of this bot alone: others may have the same host, or the same address at another time.
const KEY = `chat ${window.location.pathname} ${config.bot}`;
const MOST_MESSAGES = 200; // kept for a reload
const EARLY = 30_000; // milliseconds before a token expires in which it is renewed
const LONGEST_RENEWAL = 10_000;
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Return a session in which nothing has happened yet.
 *
 * `messages` are those shown, in order. `plain` is whether a link's value contains what markdown
 * or an address could be made of.
 */
function emptySession() {
  return { sender: randomId(), metadata: {}, token: null, messages: [], plain: false };
}

export const session = { ...emptySession(), ...stored() };

export const embedded = window.parent !== window;
export const byScript = embedded && window.name === "bot-chat"; // by embed.js

let origin = null; // of the site, once it has sent something: no other may frame this page
let renewal = null; // a promise, while the site makes a new token
let renewed = () => {};
let timer;

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

/** Return what is different for each conversation that a message with a token may belong to. */
export function conversation(token) {
  const { sender, sub, iss } = claims(token);
  return token ? (sender ?? JSON.stringify([sub, iss])) : session.sender;
}

/**
 * Listen to the site that shows this page in a frame.
 *
 * @param {function({metadata?: object, token?: string|null})} take
 * @param {function()} begin is called when embed.js has sent what it had
 */
export function listenToSite(take, begin) {
  window.addEventListener("message", ({ source, origin: sentFrom, data }) => {
    if (source !== window.parent || typeof data !== "object" || data === null) return;
    origin = sentFrom;
    if ("token" in data) renewInTime(data.token);
    take(data);
    if (data.begin) begin();
    if (data.renewed) renewed();
  });
  window.parent.postMessage({ ready: true }, "*"); // contains nothing that others may not know
}

export function sendToSite(message) {
  if (origin) window.parent.postMessage(message, origin);
}

/** Ask the site for a new token, once for all who wait; it comes to `take`, if there is one. */
export async function renewToken() {
  if (!byScript) return;
  renewal ??= new Promise((resolve) => {
    renewed = resolve;
    setTimeout(resolve, LONGEST_RENEWAL);
    sendToSite({ expired: true });
  });
  await renewal;
  renewal = null;
}

function renewInTime(token) {
  clearTimeout(timer);
  const left = claims(token).exp * 1000 - Date.now();
  const wait = Math.max(left - EARLY, 0.8 * left);
  if (left > 0) timer = setTimeout(renewToken, Math.min(wait, LONGEST_TIMER));
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}
