import assert from "node:assert/strict";
import { test } from "node:test";
import { announce, definePlugin, perform } from "@leveret/plugin";
import { HttpError, send } from "@leveret/plugin/http";
import { KeyValueError, open } from "@leveret/plugin/keyvalue";
import * as testing from "@leveret/plugin/testing";
import { decode, encode } from "../src/utf8.js";

/**
 * What a worker sees that runs `work`.
 *
 * @param {() => unknown} work
 * @param {testing.World} [world]
 */
function seen(work, world) {
  const plugin = definePlugin({ workers: [perform("a.do", () => announce("a.done", work()))] });
  const outcome = testing.perform(plugin, { name: "a.do", payload: {} }, world);
  return "events" in outcome ? outcome.events[0].payload : outcome;
}

test("a request reaches the test, and its answer the worker", () => {
  /** @type {testing.SentRequest[]} */
  const sent = [];
  const http = (/** @type {testing.SentRequest} */ request) => {
    sent.push(request);
    return { status: 201, headers: { server: "here" }, body: { id: 7 } };
  };
  const work = () => {
    const { status, ok, headers, body, ...rest } = send("https://a.example/b", { json: { to: "ä" } });
    assert.deepEqual(rest, {});
    send("https://a.example/c", { headers: { accept: "*/*" } });
    send("https://a.example/d", { method: "PUT", body: "text" });
    return { status, ok, headers, length: body.length, id: send("https://a.example/e").json().id };
  };
  assert.deepEqual(seen(work, { http }), { status: 201, ok: true, headers: { server: "here" }, length: 8, id: 7 });
  const typed = { "content-type": "application/json" };
  assert.deepEqual(sent, [
    { method: "POST", url: "https://a.example/b", headers: typed, body: '{"to":"ä"}' },
    { method: "GET", url: "https://a.example/c", headers: { accept: "*/*" }, body: "" },
    { method: "PUT", url: "https://a.example/d", headers: {}, body: "text" },
    { method: "GET", url: "https://a.example/e", headers: {}, body: "" },
  ]);
});

test("without an answer, the reason is the task's", () => {
  const http = () => {
    throw new HttpError("GET https://a.example: connection-refused", "connection-refused");
  };
  const reason = "HttpError: GET https://a.example: connection-refused";
  assert.deepEqual(
    seen(() => send("https://a.example"), { http }),
    { retry: { reason } },
  );
  assert.deepEqual(
    seen(() => send("https://a.example")),
    { retry: { reason: "HttpError: there is no network here: in a test, `http` of the world answers" } },
  );
  assert.throws(() => send("https://a.example", { body: "a", json: 1 }), /either `body` or `json`|no network here/);
});

test("a bucket keeps values, and a test sees them", () => {
  const bucket = new Map(/** @type {[string, string][]} */ ([["old", '{"n":1}']]));
  const work = () => {
    const sent = open("sent");
    sent.set("text", "ä🐇");
    sent.set("bytes", new Uint8Array([0xff]));
    const before = [sent.has("old"), sent.json("old").n, sent.json("new"), sent.get("new") === undefined];
    sent.delete("old");
    const counts = [sent.increment("count"), sent.increment("count", 5)];
    return [before, counts, [...sent.keys()], sent.text("text"), [.../** @type {Uint8Array} */ (sent.get("bytes"))]];
  };
  assert.deepEqual(seen(work, { buckets: { sent: bucket } }), [
    [true, 1, null, true],
    [1, 6],
    ["text", "bytes", "count"],
    "ä🐇",
    [255],
  ]);
  assert.deepEqual(
    [...bucket],
    [
      ["text", "ä🐇"],
      ["bytes", new Uint8Array([0xff])],
      ["count", "6"],
    ],
  );
});

test("a bucket that is not there is told", () => {
  const reason = "KeyValueError: there is no bucket sent";
  assert.deepEqual(
    seen(() => open("sent"), { buckets: {} }),
    { retry: { reason } },
  );
  assert.throws(() => open("sent"), KeyValueError);
});

test("text is UTF-8, however broken it comes", () => {
  const texts = [
    "",
    "a",
    "é",
    "€",
    "🐇",
    "\ud800x",
    "x\udc00",
    "\ud83d",
    "\u0000\u007f\u0080\u07ff\u0800\uffff\u{10ffff}",
  ];
  for (const text of texts) assert.deepEqual(encode(text), new TextEncoder().encode(text));
  const own = new TextDecoder("utf-8", { ignoreBOM: true });
  const heads = [0x00, 0x7f, 0x80, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff];
  for (const a of heads)
    for (const b of heads)
      for (const c of heads)
        for (const d of [0x41, 0x80, 0x90, 0xbf]) {
          const bytes = new Uint8Array([a, b, c, d]);
          assert.equal(decode(bytes), own.decode(bytes), `${bytes}`);
        }
  const long = "🐇a".repeat(5000);
  assert.equal(decode(encode(long)), long);
});
