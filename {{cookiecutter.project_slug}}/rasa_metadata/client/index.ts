// A typed client of the bot; `make client` writes this folder anew.

import createClient, { type ClientOptions } from "openapi-fetch";
import type { components, paths } from "./api.js";

/** Metadata that a page may send; what only a token may contain is missing. */
export type Metadata = components["schemas"]["Metadata"];

/** Return a client: `createBot({ baseUrl }).POST("/webhooks/rest/webhook", { body })`. */
export const createBot = (options: ClientOptions) =>
  createClient<paths, "application/json">(options);
