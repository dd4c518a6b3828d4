// Talking to the server.

import { errorWords, t } from "./i18n.js";

/** What went wrong, in words for the reader, with the server's code and status. */
export class Failure extends Error {
  constructor(message, { code = "", status = 0 } = {}) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

let onSignedOut = () => {};
/** Called where the server wants a key. */
export const whenSignedOut = (action) => { onSignedOut = action; };

// ---- the connection ----

const RETRY_MS = 1000;
let isLost = false;
let onConnection = () => {};
/** Called with false when the server no longer answers, and with true when it does again. */
export const whenConnectionChanges = (action) => { onConnection = action; };

/** The server did not answer: asks for it until it does. */
export function connectionLost() {
  if (isLost) return;
  isLost = true;
  onConnection(false);
  const look = async () => {
    const found = await fetch("/health", { signal: AbortSignal.timeout(3 * RETRY_MS) }).then((response) => response.ok, () => false);
    if (!found) return setTimeout(look, RETRY_MS);
    isLost = false;
    onConnection(true);
  };
  setTimeout(look, RETRY_MS);
}

async function send(method, path, body, type, signal) {
  const headers = type ? { "Content-Type": type } : {};
  let response;
  try {
    response = await fetch(path, { method, headers, body, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    connectionLost();
    throw new Failure(t("unreachable"));
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => null))?.error ?? {};
  if (response.status === 401) onSignedOut();
  const known = { busy: t("busy"), context_length_exceeded: t("tooLong"), invalid_api_key: path === "/api/sign-in" && t("wrongKey") }[problem.code];
  throw new Failure(known || errorWords(problem.code) || problem.message || t("serverError", { status: response.status }), { code: problem.code, status: response.status });
}

const json = (value) => (value === undefined ? [] : [JSON.stringify(value), "application/json"]);

export const get = async (path) => (await send("GET", path)).json();
export const post = async (path, value) => {
  const response = await send("POST", path, ...json(value ?? {}));
  return response.status === 204 ? null : response.json();
};
export const patch = (path, value) => send("PATCH", path, ...json(value));
export const remove = (path) => send("DELETE", path);
export const upload = async (path, file, signal) => (await send("POST", path, file, "application/octet-stream", signal)).json();
