// Requests to the bot, at addresses beside this page's.

/** What the server knows of this page: its texts and settings, and the contract as JSON Schema
 * (null if there is none). */
export const config = await fetch("chat/config.json").then((response) => response.json());
export const { texts } = config;

/** An error in place of an answer: `code` is the HTTP status or "offline". */
export class ApiError extends Error {
  constructor({ code, message = "", details = {} }) {
    super(message);
    Object.assign(this, { code, details });
  }
}

/**
 * Send a message and yield each reply as it comes.
 *
 * @param {string} address beside this page's
 * @param {{message: string, sender: string, metadata: object}} body
 * @param {object} headers
 * @throws {ApiError} also after some replies, if the turn fails then
 */
export async function* replies(address, body, headers) {
  const type = { "Content-Type": "application/json" };
  const request = { method: "POST", headers: { ...type, ...headers }, body: JSON.stringify(body) };
  const response = await online(fetch(address, request));
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
