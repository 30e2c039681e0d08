import assert from "node:assert/strict";
import { test } from "node:test";
import { definePlugin, log, reject, setting, subscribe, task } from "@leveret/plugin";
import { component } from "../src/component.js";

const project = { version: "1.4.2", summary: "Greets people." };

/** @type {string[]} */
const lines = [];
const host = {
  log: (/** @type {string} */ level, /** @type {string} */ line) => void lines.push(`${level} ${line}`),
  setting: (/** @type {string} */ name) => (name === "greeting" ? "hello" : undefined),
};

/** @param {import("@leveret/plugin").PluginOptions} options */
const open = (options) => component(definePlugin(options), project, () => host);

const event = {
  name: "user.authorized",
  id: "id-1",
  tid: "tid-1",
  time: 1500,
  source: "cream",
  payload: '{"user":7}',
  headers: [{ name: "traceparent", value: "00-1" }],
};

/** @param {() => unknown} work */
function thrown(work) {
  try {
    work();
  } catch (error) {
    return error;
  }
  assert.fail("nothing was thrown");
}

test("a plugin describes itself", () => {
  const { manifest } = open({
    subscribers: [subscribe("user.authorized", { schema: { type: "object" } }, () => {}), subscribe("a.b", () => {})],
    emits: ["greeting.send", { name: "complaint.file", schema: true }, { name: "c.d" }],
    limits: { time: 5000, memory: 1 << 24, prefetch: 7, attempts: 4 },
  });
  assert.deepEqual(manifest.describe(), {
    version: "1.4.2",
    summary: "Greets people.",
    subscriptions: [
      { event: "user.authorized", schema: '{"type":"object"}' },
      { event: "a.b", schema: null },
    ],
    emits: [
      { name: "greeting.send", schema: null },
      { name: "complaint.file", schema: "true" },
      { name: "c.d", schema: null },
    ],
    performs: [],
    announces: [],
    limits: { time: 5000, memory: 1 << 24, prefetch: 7, attempts: 4 },
  });
  const own = open({ version: "2", summary: "" }).manifest.describe();
  assert.deepEqual([own.version, own.summary, own.limits.time], ["2", "", null]);
});

test("two subscribers of one event are refused", () => {
  const subscriber = subscribe("a.b", () => {});
  assert.throws(() => definePlugin({ subscribers: [subscriber, subscriber] }), /two subscribers of a\.b/);
});

test("a limit that is not a whole number is refused", () => {
  for (const time of [1.5, -1, NaN]) assert.throws(() => definePlugin({ limits: { time } }), /the limit `time`/);
});

test("an event reaches its subscriber whole, and so does its task the host", () => {
  const repeat = subscribe("user.authorized", ({ name, id, tid, time, source, headers, payload }) =>
    task("greeting.send", payload, {
      key: tid,
      headers: { name, id, time: time.toISOString(), source: `${source}`, ...headers },
    }),
  );
  assert.deepEqual(open({ subscribers: [repeat] }).subscriber.onEvent(event), [
    {
      name: "greeting.send",
      payload: '{"user":7}',
      key: "tid-1",
      headers: [
        { name: "name", value: "user.authorized" },
        { name: "id", value: "id-1" },
        { name: "time", value: "1970-01-01T00:00:01.500Z" },
        { name: "source", value: "cream" },
        { name: "traceparent", value: "00-1" },
      ],
    },
  ]);
});

test("an event that nobody subscribed to, and a payload that is not JSON, are rejected", () => {
  const { subscriber } = open({ subscribers: [subscribe("a.b", () => {})] });
  assert.deepEqual(
    thrown(() => subscriber.onEvent(event)),
    {
      tag: "reject",
      val: "the plugin has no subscriber of user.authorized",
    },
  );
  const failure = thrown(() => subscriber.onEvent({ ...event, name: "a.b", payload: "{" }));
  assert.match(failure.val, /^the payload is not JSON: /);
});

test("what is logged reaches the host, line by line, and so does where an error was", () => {
  const subscriber = subscribe("user.authorized", () => {
    log.info("hello", { user: 7 }, 1n);
    log.warn("two\nlines");
    throw new Error("boom");
  });
  lines.length = 0;
  assert.deepEqual(
    thrown(() => open({ subscribers: [subscriber] }).subscriber.onEvent(event)),
    {
      tag: "retry",
      val: { reason: "boom", after: null },
    },
  );
  assert.deepEqual(lines.slice(0, 4), ['info hello {"user":7} 1', "warn two", "warn lines", "debug Error: boom"]);
});

test("recovery and probe are there only if the author wrote them", () => {
  assert.deepEqual([open({}).recovery, open({}).probe], [undefined, undefined]);
});

test("recovery gets the message and its failed attempts, and its error is a text", () => {
  const { recovery } = open({
    recover(message, attempts) {
      if (message.kind === "task") throw reject(`task ${message.attempt} ${message.key}`);
      return task("complaint.file", { id: message.id, payload: message.payload, attempts });
    },
  });
  const attempt = { attempt: 3, time: 0, version: "1", reason: "busy" };
  const [{ payload }] = recovery?.recover({ tag: "event", val: event }, [attempt]) ?? [];
  assert.deepEqual(JSON.parse(payload), {
    id: "id-1",
    payload: { user: 7 },
    attempts: [{ attempt: 3, time: "1970-01-01T00:00:00.000Z", version: "1", reason: "busy" }],
  });
  const { source, ...rest } = event;
  const assignment = { ...rest, attempt: 2, key: null };
  assert.equal(
    thrown(() => recovery?.recover({ tag: "task", val: assignment }, [])),
    "task 2 null",
  );
});

test("a probe's error is its reason, and settings are those of the operator", () => {
  const ill = open({
    healthy() {
      throw new Error(`${setting("greeting")} ${setting("else")}`);
    },
  });
  assert.equal(
    thrown(() => ill.probe?.healthy()),
    "hello undefined",
  );
  assert.equal(open({ healthy() {} }).probe?.healthy(), undefined);
  assert.equal(setting("greeting"), undefined);
});
