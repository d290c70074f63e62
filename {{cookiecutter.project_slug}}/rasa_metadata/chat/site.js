// The site that shows this page in a frame: it adds metadata and tokens, and gets what the bot
// sends for it.

import { claims } from "./session.js";

const EARLY = 30_000; // milliseconds before a token expires in which it is renewed
const LONGEST_RENEWAL = 10_000;
const LONGEST_TIMER = 2 ** 31 - 1;

export const embedded = window.parent !== window;
export const byScript = embedded && window.name === "bot-chat"; // by embed.js

let origin = null; // of the site, once it has sent something: no other may frame this page
let renewal = null; // a promise, while the site makes a new token
let renewed = () => {};
let timer;

/**
 * Listen to the site.
 *
 * @param {function({metadata?: object, token?: string|null})} take
 * @param {function()} begin is called when embed.js has sent what it had
 */
export function listen(take, begin) {
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

export function send(message) {
  if (origin) window.parent.postMessage(message, origin);
}

/** Ask the site for a new token, once for all who wait; it comes to `take`, if there is one. */
export async function renew() {
  if (!byScript) return;
  renewal ??= new Promise((resolve) => {
    renewed = resolve;
    setTimeout(resolve, LONGEST_RENEWAL);
    send({ expired: true });
  });
  await renewal;
  renewal = null;
}

function renewInTime(token) {
  clearTimeout(timer);
  const left = claims(token).exp * 1000 - Date.now();
  const wait = Math.max(left - EARLY, 0.8 * left);
  if (left > 0) timer = setTimeout(renew, Math.min(wait, LONGEST_TIMER));
}
