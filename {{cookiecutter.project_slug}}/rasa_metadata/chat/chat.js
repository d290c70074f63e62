// The chat page: a link's parameters become metadata, which goes with every message.

import { ApiError, config, replies, texts } from "./bot.js";
import { fromParameters, labelOf, merged, valueAt, without } from "./metadata.js";
import { showTyping, showWhatIsKnown, warn } from "./page.js";
import { notice, shown } from "./replies.js";
import {
  byScript,
  claims,
  conversation,
  embedded,
  listenToSite,
  randomId,
  renewToken,
  restart,
  save,
  sendToSite,
  session,
} from "./session.js";
import { widget } from "./widget.js";

const AWAY = [502, 503, 504]; // the bot, or a server behind a proxy
const TRIED_AGAIN = [429, 500, ...AWAY, "offline"]; // the same message may succeed later
const WEBHOOK = "webhook?stream=true";
const GREETING = "chat/greeting";

const schema = config.schema ?? {};
const { link, locale } = readLink();
let rejected = null; // a token that the bot does not accept
let turns = Promise.resolve(); // one after the other, as they were typed

follow();
document.getElementById("restart").addEventListener("click", () => restart());
const chat = await widget({ history: session.messages, say, press, focus: !embedded });
if (!chat) warn(texts.not_installed);
else {
  if (embedded) listenToSite(takeFromSite, begin);
  if (!byScript) begin();
}

/** Take parameters and token out of the address bar, where a screenshot would show them. */
function readLink() {
  const { pathname, searchParams, hash } = new URL(window.location);
  history.replaceState(null, "", pathname);
  const token = config.link_tokens && new URLSearchParams(hash.slice(1)).get("token");
  const metadata = fromParameters(searchParams, schema);
  if (!config.schema && searchParams.size) warn(texts.no_schema);
  return { link: { token, ...metadata }, locale: searchParams.get("locale") ?? undefined };
}

/** Add the link to this session. One that would sign another user in asks first. */
function follow() {
  const { token, metadata, plain, problems } = link;
  for (const { path, value, signed } of problems) leftOut(path, value, signed);
  if (token && conversation(token) !== conversation(session.token)) {
    if (session.token || session.messages.some(({ role }) => role === "user")) {
      const press = () => restart({ token, metadata, plain });
      warn(texts.switch, { name: claims(token).sub ?? "?" }, { title: texts.switch_button, press });
      know({});
      return;
    }
    session.messages = []; // a greeting of the conversation that nobody has begun
  }
  session.token = token || session.token;
  session.plain ||= plain;
  know(metadata);
}

function know(metadata) {
  session.metadata = merged(session.metadata, metadata);
  save();
  const signed = session.token === rejected ? {} : claims(session.token);
  const known = merged(session.metadata, signed.metadata ?? {});
  showWhatIsKnown(known, signed.sub, session.metadata.locale ?? locale);
}

function takeFromSite({ metadata, token = session.token }) {
  session.token = token;
  know(metadata ?? {});
}

/** Greet in a new conversation: with a turn, if the bot says something when a session starts. */
function begin() {
  if (session.messages.length) return;
  if (config.greets) turns = turns.then(() => turn("/session_start", { address: GREETING }));
  else greet();
}

function greet() {
  if (texts.greeting) show({ role: "ai", text: texts.greeting });
}

function say(payload, title = payload) {
  session.messages.push({ role: "user", text: title });
  save();
  turns = turns.then(() => turn(payload));
}

/**
 * Send a message and show the replies.
 *
 * @param {string} message
 * @param {string} key the same when a message is sent again, because its answer may be lost
 * @param {string} address
 * @param {boolean} renewable whether a rejected token may be renewed
 */
async function turn(message, { key = randomId(), address = WEBHOOK, renewable = true } = {}) {
  const { sender, metadata, token } = session;
  const headers = address === WEBHOOK ? { "Idempotency-Key": key } : {};
  if (token) headers.Authorization = `Bearer ${token}`;
  let silent = true;
  typing(true);
  try {
    for await (const reply of replies(address, { message, sender, metadata }, headers)) {
      silent = false;
      show(...shown(reply));
      if (reply.custom !== undefined) sendToSite({ custom: reply.custom });
    }
    if (silent && address === GREETING) greet();
    else if (silent) show(notice(texts.no_answer));
  } catch (problem) {
    const error = problem instanceof ApiError ? problem : new ApiError({ code: "other" });
    if (leaveOut(error)) await turn(message, { key, address, renewable });
    else if (error.code === 401 && renewable && (await hasNewToken(token)))
      await turn(message, { key, address, renewable: false });
    else {
      if (error.code === 401) rejected = token;
      if (address === GREETING) greet(); // the first message will show what is wrong
      else show(sentence(error, message, key));
    }
    know({});
  } finally {
    typing(false);
  }
}

async function hasNewToken(rejectedToken) {
  if (session.token === rejectedToken) await renewToken();
  return session.token && session.token !== rejectedToken;
}

/** Take values that the bot rejects out of the metadata; return whether there were any. */
function leaveOut({ code, details }) {
  const before = JSON.stringify(session.metadata);
  if (details.parameter !== "metadata" || details.in !== "body") return false;
  for (const violation of details.violations ?? []) {
    const path = violation.path.split(".");
    leftOut(path, valueAt(session.metadata, path), code === 403);
    session.metadata = without(session.metadata, path);
  }
  return JSON.stringify(session.metadata) !== before;
}

function leftOut(path, value, signed) {
  const sentence = signed ? texts.left_out_signed : texts.left_out;
  warn(sentence, { label: labelOf(schema, path), value });
}

function sentence({ code }, message, key) {
  // After a 500 the turn may be stored, with no answer: it is tried as another message.
  const action = { payload: message, key: code === 500 ? undefined : key };
  const retry = { title: texts.retry, action };
  const guest = { title: texts.continue_as_guest, action: { guest: message } };
  const buttons = code === 401 ? [guest] : TRIED_AGAIN.includes(code) ? [retry] : [];
  const text = texts[`error_${AWAY.includes(code) ? 503 : code}`] ?? texts.error_other;
  return notice(text, buttons);
}

/** A button was pressed: one of the bot's, or one under a notice. */
function press({ title, payload, guest, key }) {
  if (guest) {
    Object.assign(session, { token: null, sender: randomId() });
    know({});
  }
  if (title) {
    chat.addMessage({ role: "user", text: title });
    say(payload, title);
  } else {
    turns = turns.then(() => turn(guest ?? payload, { key }));
  }
}

function show(...messages) {
  session.messages.push(...messages);
  save();
  for (const message of messages) chat.addMessage(message);
}

function typing(on) {
  if (showTyping(on)) chat.displayLoadingBubble.toggle(on ? { role: "ai" } : undefined);
}
