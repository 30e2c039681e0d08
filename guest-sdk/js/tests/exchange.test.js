import assert from "node:assert/strict";
import { test } from "node:test";
import { exchange, HttpError } from "../src/exchange.js";
import { decode, encode } from "../src/utf8.js";

/** What the contract's error is in, as the engine throws it. @param {unknown} payload */
const thrown = (payload) => Object.assign(new Error("see the payload"), { payload });

/**
 * A `wasi:http` that answers, and what it saw. Like the host's it refuses to drop what something else is a part of.
 *
 * @param {object} [given]
 * @param {unknown} [given.refusal] of `handle`
 * @param {unknown} [given.headerError]
 * @param {unknown} [given.answer] in place of a response
 * @param {unknown} [given.writeError]
 * @param {unknown} [given.readError] in place of the end
 */
function wasi({ refusal, headerError, answer, writeError, readError } = {}) {
  /** @type {any} */
  const seen = { body: [], alive: new Set() };
  /**
   * @param {string} name
   * @param {object} methods
   * @param {string} [parent]
   */
  const resource = (name, methods, parent) => {
    seen.alive.add(name);
    return {
      ...methods,
      [Symbol.dispose]() {
        for (const part of seen.alive) assert.notEqual(parents.get(part), name, `${name} has ${part}`);
        assert.ok(seen.alive.delete(name), `${name} is gone already`);
      },
      parent: parent && parents.set(name, parent),
    };
  };
  /** @type {Map<string, string>} */
  const parents = new Map();
  const chunks = [encode("an "), encode("answer")];
  const stream = {
    blockingRead() {
      const chunk = chunks.shift();
      if (chunk) return chunk;
      throw thrown(readError ?? { tag: "closed" });
    },
  };
  const entries = () => [
    ["Server", encode("here")],
    ["x-a", encode("1")],
    ["X-A", encode("2")],
  ];
  const response = () =>
    resource("response", {
      status: () => 201,
      headers: () => resource("headers", { entries }, "response"),
      consume: () => resource("body", { stream: () => resource("input", stream, "body") }),
    });
  class OutgoingRequest {
    /** @param {unknown} headers */
    constructor(headers) {
      seen.headers = headers;
    }
    /** @param {any} method */
    setMethod = (method) => void (seen.method = method);
    /** @param {any} scheme */
    setScheme = (scheme) => void (seen.scheme = scheme.tag);
    /** @param {string} authority */
    setAuthority = (authority) => {
      if (authority === "[") throw thrown(undefined);
      seen.authority = authority;
    };
    /** @param {string} path */
    setPathWithQuery = (path) => void (seen.path = path);
    body = () => resource("outgoing", { write: () => resource("output", { blockingWriteAndFlush }, "outgoing") });
  }
  /** @param {Uint8Array} bytes */
  const blockingWriteAndFlush = (bytes) => {
    if (writeError) throw thrown(writeError);
    assert.ok(bytes.length <= 4096);
    seen.body.push(decode(bytes));
  };
  class RequestOptions {
    /** @param {number} time */
    setConnectTimeout = (time) => void (seen.timeout = time);
    setFirstByteTimeout() {}
    setBetweenBytesTimeout() {}
  }
  const types = {
    Fields: {
      /** @param {[string, Uint8Array][]} list */
      fromList(list) {
        if (headerError) throw thrown(headerError);
        return list.map(([name, value]) => [name, decode(value)]);
      },
    },
    OutgoingRequest,
    OutgoingBody: {
      finish() {
        assert.ok(!seen.alive.has("output"), "the body's stream is there still");
        seen.alive.delete("outgoing");
      },
    },
    RequestOptions,
    httpErrorCode: (/** @type {{ code?: unknown }} */ { code }) => code ?? null,
  };
  const outgoing = {
    handle() {
      if (refusal) throw thrown(refusal);
      return resource("future", {
        subscribe: () => resource("pollable", { block() {} }, "future"),
        get: () => ({ tag: "ok", val: answer ?? { tag: "ok", val: response() } }),
      });
    },
  };
  return { http: /** @type {any} */ ({ types, outgoing }), seen };
}

const request = { method: "GET", url: "https://a.example/b?c=d#e", headers: {}, body: new Uint8Array() };

/** @param {Parameters<typeof wasi>[0]} given */
function failure(given) {
  const { http, seen } = wasi(given);
  try {
    exchange(http, request);
  } catch (error) {
    seen.alive.delete("outgoing");
    assert.deepEqual([...seen.alive], []);
    assert.ok(error instanceof HttpError, String(error));
    return [error.message, error.code];
  }
  assert.fail("nothing was thrown");
}

test("a request goes out in its parts, and the answer comes whole", () => {
  const { http, seen } = wasi();
  const body = "x".repeat(5000);
  const headers = { Accept: "*/*" };
  const answer = exchange(http, { ...request, method: "post", headers, body: encode(body), timeout: 1.5 });
  assert.deepEqual(
    { ...answer, body: decode(answer.body) },
    { status: 201, headers: { server: "here", "x-a": "1, 2" }, body: "an answer" },
  );
  const { alive, body: sent, ...parts } = seen;
  assert.deepEqual(parts, {
    headers: [
      ["Accept", "*/*"],
      ["content-length", "5000"],
    ],
    method: { tag: "post" },
    scheme: "HTTPS",
    authority: "a.example",
    path: "/b?c=d",
    timeout: 1_500_000,
  });
  assert.deepEqual(
    sent.map((/** @type {string} */ part) => part.length),
    [4096, 904],
  );
  assert.deepEqual([...alive], []);
});

test("a URL has a scheme, a host, and a path where none is given", () => {
  /** @param {string} url @param {string} method */
  const sent = (url, method = "GET") => {
    const { http, seen } = wasi();
    exchange(http, { ...request, url, method });
    assert.deepEqual([...seen.alive], [], "no body was taken");
    return [seen.scheme, seen.authority, seen.path, seen.method];
  };
  assert.deepEqual(sent("HTTP://a.example:81"), ["HTTP", "a.example:81", "/", { tag: "get" }]);
  assert.deepEqual(sent("https://[::1]?q", "BREW"), ["HTTPS", "[::1]", "/?q", { tag: "other", val: "BREW" }]);
  for (const url of ["ftp://a.example", "a.example", "https://", "https://me@a.example", "https://a b.example"]) {
    assert.throws(() => sent(url), /begins with https:/);
  }
});

test("the host's reason is in the error, and the path is not", () => {
  const what = "GET https://a.example";
  const denied = { tag: "HTTP-request-denied", val: undefined };
  assert.deepEqual(failure({ refusal: denied }), [`${what}: HTTP-request-denied`, "HTTP-request-denied"]);
  const told = { tag: "internal-error", val: "GET https://a.example:443 is not granted" };
  assert.deepEqual(failure({ refusal: told }), [told.val, "internal-error"]);
  const name = { tag: "DNS-error", val: { rcode: "no such name", infoCode: null } };
  assert.deepEqual(failure({ answer: { tag: "err", val: name } }), [`${what}: DNS-error: no such name`, "DNS-error"]);
  const large = { tag: "last-operation-failed", val: failed({ tag: "HTTP-response-body-size", val: 7 }) };
  assert.deepEqual(failure({ readError: large }), [`${what}: HTTP-response-body-size: 7`, "HTTP-response-body-size"]);
  const broken = { tag: "last-operation-failed", val: failed(undefined) };
  assert.deepEqual(failure({ readError: broken }), [`${what}: broken`, "internal-error"]);
  const header = { tag: "forbidden" };
  assert.deepEqual(failure({ headerError: header }), ["one of the headers is the host's to set: ", undefined]);
});

/** @param {unknown} code */
function failed(code) {
  return { code, toDebugString: () => "broken", [Symbol.dispose]() {} };
}

test("a body that nobody takes does not hide the answer", () => {
  const { http } = wasi({ writeError: { tag: "closed" } });
  assert.equal(exchange(http, { ...request, body: encode("x") }).status, 201);
});

test("a host that is not legal is told", () => {
  const { http } = wasi();
  assert.throws(() => exchange(http, { ...request, url: "https://[/" }), {
    message: "GET https://[: HTTP-request-URI-invalid",
  });
});
