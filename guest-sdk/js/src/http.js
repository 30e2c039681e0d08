/** @import { Request } from "./host.js" */
/** @import { RequestOptions } from "./http.d.ts" */
import { exchange, HttpError } from "./exchange.js";
import { host, used } from "./host.js";
import { decode, encode } from "./utf8.js";

export { HttpError };

used.http = (wasi) => (request) => exchange(wasi, request);

/**
 * @param {string} url
 * @param {RequestOptions} [options]
 */
export function send(url, options = {}) {
  if (!host.http) throw new HttpError("there is no network here: in a test, `http` of the world answers");
  const { status, headers, body } = host.http(request(url, options));
  return new Response(status, headers, body);
}

/**
 * @param {string} url
 * @param {RequestOptions} options
 * @returns {Request}
 */
function request(url, { method, headers = {}, body, json, timeout }) {
  if (json === undefined) {
    const bytes = typeof body === "string" ? encode(body) : (body ?? new Uint8Array());
    return { method: method ?? (body === undefined ? "GET" : "POST"), url, headers, body: bytes, timeout };
  }
  if (body !== undefined) throw new TypeError("a request has either `body` or `json`");
  const typed = { "content-type": "application/json", ...headers };
  return { method: method ?? "POST", url, headers: typed, body: encode(JSON.stringify(json)), timeout };
}

class Response {
  /**
   * @param {number} status
   * @param {Record<string, string>} headers
   * @param {Uint8Array} body
   */
  constructor(status, headers, body) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  text() {
    return decode(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }
}
