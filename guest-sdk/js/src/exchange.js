/** @import * as contract from "./contract.d.ts" */
/** @import { Answer, Request } from "./host.js" */
import { contractError } from "./imported.js";
import { decode, encode } from "./utf8.js";

export class HttpError extends Error {
  /**
   * @param {string} message
   * @param {string} [code]
   */
  constructor(message, code) {
    super(message);
    this.name = "HttpError";
    this.code = code;
  }
}

/** What one write takes, and what one read asks for. */
const WRITE = 4096;
const READ = 64 * 1024;

/** The methods that `wasi:http` has a case of its own for. */
const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/**
 * Keeps a resource until the exchange is over. Then the last goes first, since it may be a part of one before it.
 *
 * @typedef {<R extends contract.Resource>(resource: R) => R} Keep
 */

/**
 * Sends a request over `wasi:http` and waits for the whole answer.
 *
 * @param {contract.Http} http
 * @param {Request} request
 * @returns {Answer}
 */
export function exchange({ types, outgoing }, request) {
  const target = parts(request.url);
  /** @type {contract.Resource[]} */
  const kept = [];
  /** @type {Keep} */
  const keep = (resource) => (kept.push(resource), resource);
  try {
    const order = outgoingRequest(types, request, target);
    // Of a body that is taken the host says that there is one, even if it is empty.
    const body = request.body.length > 0 ? order.body() : undefined;
    const future = keep(outgoing.handle(order, limits(types, request.timeout)));
    if (body) write(types, body, request.body);
    return read(types, keep, arrived(future));
  } catch (thrown) {
    // Without the path, which may hold what nobody else should read.
    throw refusal(request.method, `${target.scheme}://${target.authority}`, contractError(thrown));
  } finally {
    for (const resource of kept.reverse()) resource[Symbol.dispose]();
  }
}

/** @param {string} url */
function parts(url) {
  const [, scheme, authority, path = "/"] = /^(https?):\/\/([^/?#@\s]+)([/?][^#\s]*)?(?:#.*)?$/i.exec(url) ?? [];
  if (scheme === undefined) throw new TypeError("a request's URL begins with https:// or http:// and a host");
  return { scheme: scheme.toLowerCase(), authority, path: path.startsWith("?") ? `/${path}` : path };
}

/**
 * @param {contract.Http["types"]} types
 * @param {Request} request
 * @param {ReturnType<typeof parts>} target
 */
function outgoingRequest(types, { method, headers, body }, { scheme, authority, path }) {
  const named = Object.entries(headers);
  const hasLength = named.some(([name]) => name.toLowerCase() === "content-length");
  if (body.length > 0 && !hasLength) named.push(["content-length", String(body.length)]);
  const order = new types.OutgoingRequest(fields(types, named));
  const known = methods.includes(method.toUpperCase());
  order.setMethod(known ? { tag: method.toLowerCase() } : { tag: "other", val: method });
  order.setScheme({ tag: scheme.toUpperCase() });
  order.setAuthority(authority);
  order.setPathWithQuery(path);
  return order;
}

/**
 * @param {contract.Http["types"]} types
 * @param {[string, string][]} named
 */
function fields(types, named) {
  try {
    return types.Fields.fromList(named.map(([name, value]) => [name, encode(String(value))]));
  } catch (thrown) {
    const { tag } = /** @type {contract.HeaderError} */ (contractError(thrown));
    const what = tag === "forbidden" ? "one of the headers is the host's to set" : "one of the headers is not legal";
    throw new HttpError(`${what}: ${named.map(([name]) => name).join(", ")}`);
  }
}

/**
 * @param {contract.Http["types"]} types
 * @param {number | undefined} timeout in milliseconds
 */
function limits(types, timeout) {
  if (timeout === undefined) return null;
  const options = new types.RequestOptions();
  const nanoseconds = Math.ceil(timeout * 1e6);
  options.setConnectTimeout(nanoseconds);
  options.setFirstByteTimeout(nanoseconds);
  options.setBetweenBytesTimeout(nanoseconds);
  return options;
}

/**
 * Sends a request's body, as far as anybody takes it. Where that ends early, the answer is there already, or says why.
 *
 * @param {contract.Http["types"]} types
 * @param {contract.OutgoingBody} body
 * @param {Uint8Array} bytes
 */
function write(types, body, bytes) {
  const stream = body.write();
  try {
    for (let at = 0; at < bytes.length; at += WRITE) stream.blockingWriteAndFlush(bytes.subarray(at, at + WRITE));
  } catch {
    return;
  } finally {
    stream[Symbol.dispose]();
    finish(types, body);
  }
}

/**
 * @param {contract.Http["types"]} types
 * @param {contract.OutgoingBody} body
 */
function finish(types, body) {
  try {
    types.OutgoingBody.finish(body, null);
  } catch {
    // It is shorter than announced, because nobody took the rest.
  }
}

/** @param {contract.FutureResponse} future */
function arrived(future) {
  const pollable = future.subscribe();
  pollable.block();
  pollable[Symbol.dispose]();
  const answer = future.get();
  if (answer === null || answer.tag === "err") throw new HttpError("the host has no answer to give");
  if (answer.val.tag === "err") throw answer.val.val;
  return answer.val.val;
}

/**
 * Reads an answer, whole.
 *
 * @param {contract.Http["types"]} types
 * @param {Keep} keep
 * @param {contract.IncomingResponse} response
 * @returns {Answer}
 */
function read(types, keep, response) {
  keep(response);
  const headers = joined(keep(response.headers()).entries());
  const stream = keep(keep(response.consume()).stream());
  return { status: response.status(), headers, body: all(types, stream) };
}

/** @param {[string, Uint8Array][]} entries */
function joined(entries) {
  /** @type {Record<string, string>} */
  const headers = {};
  for (const [name, value] of entries) {
    const key = name.toLowerCase();
    headers[key] = Object.hasOwn(headers, key) ? `${headers[key]}, ${decode(value)}` : decode(value);
  }
  return headers;
}

/**
 * @param {contract.Http["types"]} types
 * @param {contract.InputStream} stream
 */
function all(types, stream) {
  /** @type {Uint8Array[]} */
  const chunks = [];
  try {
    for (;;) chunks.push(stream.blockingRead(READ));
  } catch (thrown) {
    const error = /** @type {contract.StreamError} */ (contractError(thrown));
    if (error.tag === "last-operation-failed") throw broken(types, error.val);
    if (error.tag !== "closed") throw thrown;
  }
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * @param {contract.Http["types"]} types
 * @param {contract.StreamFailure} failure
 * @returns {contract.ErrorCode}
 */
function broken(types, failure) {
  try {
    return types.httpErrorCode(failure) ?? { tag: "internal-error", val: failure.toDebugString() };
  } finally {
    failure[Symbol.dispose]();
  }
}

/**
 * The contract's error, in words. The text of `internal-error` is the host's.
 *
 * @param {string} method
 * @param {string} server
 * @param {unknown} error nothing, where the contract has no error but that it failed
 * @returns {unknown}
 */
function refusal(method, server, error) {
  if (error instanceof Error) return error;
  const { tag, val } = /** @type {contract.ErrorCode} */ (error ?? { tag: "HTTP-request-URI-invalid" });
  const details = Object.values(typeof val === "object" ? (val ?? {}) : { val }).filter((part) => part != null);
  const detail = details.join(", ");
  // What the host refuses it says in whole sentences.
  if (detail.includes(server)) return new HttpError(detail, tag);
  const code = tag === "internal-error" && detail !== "" ? [] : [tag];
  return new HttpError([`${method} ${server}`, ...code, ...(detail === "" ? [] : [detail])].join(": "), tag);
}
