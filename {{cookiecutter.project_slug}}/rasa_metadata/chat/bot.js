// Talks to the bot's REST channel, at addresses beside this page's.

/** An answer that is none: `code` is the HTTP status or "offline", `details` the door's. */
export class ApiError extends Error {
  constructor({ code, message = "", details = {} }) {
    super(message);
    Object.assign(this, { code, details });
  }
}

/** Return the contract as JSON Schema, or null when the bot does not tell. */
export async function contract() {
  try {
    const response = await fetch("schema");
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/**
 * Send a message and yield each reply as it comes.
 *
 * @param {{message: string, sender: string, metadata: object}} body
 * @param {string} key names the message: with the same key it is answered again, not handled
 * @param {string|null} token
 * @throws {ApiError} also after some replies, when the turn fails then
 */
export async function* replies(body, key, token) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  if (token) headers.Authorization = `Bearer ${token}`;
  const content = JSON.stringify(body);
  const response = await online(
    fetch("webhook?stream=true", { method: "POST", headers, body: content }),
  );
  if (!response.ok) {
    const error = await response.json().catch(() => ({}));
    throw new ApiError({ ...error, code: response.status });
  }
  for await (const line of lines(response.body)) {
    const reply = JSON.parse(line);
    if (reply.status === "failure") throw new ApiError(reply);
    yield reply;
  }
}

async function* lines(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value = "" } = await online(reader.read());
    const found = (rest + value).split("\n");
    rest = done ? "" : found.pop();
    yield* found.filter((line) => line.trim());
    if (done) return;
  }
}

async function online(answer) {
  try {
    return await answer;
  } catch {
    throw new ApiError({ code: "offline" });
  }
}
