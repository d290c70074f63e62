// What a tab remembers: it survives a reload and ends with the tab.

const KEY = "chat";
const MOST_SAID = 200; // messages kept for a reload

/** `sender`, `metadata`, `token` (or null), and `said`: what was shown, in order. */
export const session = { sender: randomId(), metadata: {}, token: null, said: [], ...stored() };

export function save() {
  session.said = session.said.slice(-MOST_SAID);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(session));
  } catch {
    // No storage, as in some embedded pages, or a full one: the page works until it is closed.
  }
}

export function forget() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // There was none.
  }
}

/** Return a name that nobody else has. `crypto.randomUUID` is missing on plain http. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return the claims that a token makes, unchecked: they are shown, and no more. */
export function claims(token) {
  try {
    const base64 = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}
