// Talking to the server.

import { t } from "./i18n.js";

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

async function send(method, path, body, type) {
  const headers = type ? { "Content-Type": type } : {};
  let response;
  try {
    response = await fetch(path, { method, headers, body });
  } catch {
    throw new Failure(t("unreachable"));
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => null))?.error ?? {};
  if (response.status === 401) onSignedOut();
  const known = { busy: t("busy"), context_length_exceeded: t("tooLong") }[problem.code];
  throw new Failure(known ?? problem.message ?? t("serverError", { status: response.status }), { code: problem.code, status: response.status });
}

const json = (value) => (value === undefined ? [] : [JSON.stringify(value), "application/json"]);

export const get = async (path) => (await send("GET", path)).json();
export const post = async (path, value) => {
  const response = await send("POST", path, ...json(value ?? {}));
  return response.status === 204 ? null : response.json();
};
export const patch = (path, value) => send("PATCH", path, ...json(value));
export const remove = (path) => send("DELETE", path);
export const upload = async (path, file) => (await send("POST", path, file, "application/octet-stream")).json();
