// The chat page: a link's parameters become metadata, which goes with every message.

import { contract, ApiError, replies } from "./bot.js";
import { fromParameters, merged, without } from "./metadata.js";
import { showTexts, showWhatIsKnown, tellTyping, texts, warn } from "./page.js";
import { notice, shown } from "./replies.js";
import { claims, forget, randomId, save, session } from "./session.js";
import { widget } from "./widget.js";

const AWAY = [502, 503, 504]; // of the bot, or of what stands before it
const TRIED_AGAIN = [429, 500, ...AWAY, "offline"]; // the same message may succeed later

const link = readLink();
const schema = await contract();
const embedding = window.parent === window ? null : window.parent;
let site = null; // the origin of the page around this one, once it has spoken
let refused = null; // a token that the bot does not accept
let turns = Promise.resolve(); // one after the other, as they were typed

showTexts(startOver);
tellWhatTheLinkSays();
const chat = widget({ history: session.said, say, press, focus: !embedding });
if (!chat) warn(texts.not_installed);
else if (embedding) listenToTheSite();

/** Take parameters and token out of the address bar, where a screenshot would show them. */
function readLink() {
  const { pathname, searchParams, hash } = new URL(window.location);
  history.replaceState(null, "", pathname);
  return { parameters: searchParams, token: new URLSearchParams(hash.slice(1)).get("token") };
}

function tellWhatTheLinkSays() {
  const { metadata, problems } = fromParameters(link.parameters, schema ?? {});
  if (link.token) session.token = link.token;
  if (!schema && link.parameters.size) warn(texts.no_contract);
  for (const problem of problems) warn(texts.bad_parameter, problem);
  know(metadata);
}

function know(metadata) {
  session.metadata = merged(session.metadata, metadata);
  save();
  const signed = session.token === refused ? {} : claims(session.token);
  const locale = session.metadata.locale ?? link.parameters.get("locale") ?? undefined;
  showWhatIsKnown(merged(session.metadata, signed.metadata ?? {}), signed.sub, locale);
}

function say(payload, title = payload) {
  session.said.push({ role: "user", text: title });
  save();
  turns = turns.then(() => turn(payload));
}

/** @param {string} key the same when a message is sent again, whose answer may be lost */
async function turn(message, key = randomId()) {
  typing(true);
  try {
    const { sender, metadata, token } = session;
    let silent = true;
    for await (const reply of replies({ message, sender, metadata }, key, token)) {
      silent = false;
      show(...shown(reply, texts));
      if (reply.custom !== undefined) passOn({ custom: reply.custom });
    }
    if (silent) show(notice(texts.no_answer));
  } catch (error) {
    const error = error instanceof ApiError ? error : new ApiError({ code: "other" });
    if (error.code === 401) refused = session.token;
    if (leaveOut(error)) await turn(message, key);
    else show(sentence(error, message, key));
    know({});
  } finally {
    typing(false);
  }
}

/** Take what breaks the contract out of the metadata; say whether there was any. */
function leaveOut({ details }) {
  const before = JSON.stringify(session.metadata);
  if (details.parameter !== "metadata" || details.in !== "body") return false;
  for (const { path, message: problem } of details.violations) {
    session.metadata = without(session.metadata, path.split("."));
    warn(texts.left_out, { path, problem });
  }
  return JSON.stringify(session.metadata) !== before;
}

function sentence({ code }, message, key) {
  // After a 500 the turn may be stored, with no answer: it is tried as a message of its own.
  const action = { payload: message, key: code === 500 ? undefined : key };
  const retry = { title: texts.retry, action };
  const guest = { title: texts.go_on_as_guest, action: { guest: message } };
  const buttons = code === 401 ? [guest] : TRIED_AGAIN.includes(code) ? [retry] : [];
  const known = texts.errors[AWAY.includes(code) ? 503 : code] ?? texts.errors.other;
  return notice(known, buttons);
}

/** A button was pressed: one of the bot's, or one under a sentence of ours. */
function press({ title, payload, guest, key }) {
  if (guest) {
    Object.assign(session, { token: null, sender: randomId() });
    know({});
  }
  if (title) {
    chat.addMessage({ role: "user", text: title });
    say(payload, title);
  } else {
    turns = turns.then(() => turn(guest ?? payload, key));
  }
}

function show(...messages) {
  session.said.push(...messages);
  save();
  for (const message of messages) chat.addMessage(message);
}

function typing(on) {
  if (tellTyping(on)) chat.displayLoadingBubble.toggle(on ? { role: "ai" } : undefined);
}

function startOver() {
  forget();
  window.location.reload();
}

/** The page around this one may add metadata and a token, and hears of custom payloads. */
function listenToTheSite() {
  window.addEventListener("message", ({ source, origin, data }) => {
    if (source !== embedding || typeof data !== "object" || data === null) return;
    site = origin; // the server lets no other site frame this page
    if ("token" in data) session.token = data.token;
    know(data.metadata ?? {});
  });
  embedding.postMessage({ ready: true }, "*"); // nothing that others may not know
}

function passOn(message) {
  if (site) embedding.postMessage(message, site);
}
