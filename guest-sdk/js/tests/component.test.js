import assert from "node:assert/strict";
import { test } from "node:test";
import { announce, definePlugin, log, perform, reject, retry, setting, subscribe, task } from "@leveret/plugin";
import { component } from "../src/component.js";

const project = { version: "1.4.2", summary: "Greets people." };

/** @type {string[]} */
const lines = [];
const host = {
  log: (/** @type {string} */ level, /** @type {string} */ line) => void lines.push(`${level} ${line}`),
  setting: (/** @type {string} */ name) => (name === "greeting" ? "hello" : undefined),
};

/** @param {import("@leveret/plugin").PluginOptions} options */
const made = (options) => component(definePlugin(options), project, () => host);

/** @typedef {ReturnType<typeof made>} Made */

/** @param {import("@leveret/plugin").PluginOptions} options */
const open = (options) => /** @type {{ [Name in keyof Made]: NonNullable<Made[Name]> }} */ (made(options));

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
    workers: [perform("greeting.send", { schema: { type: "object" } }, () => {}), perform("c.d", () => {})],
    announces: ["greeting.sent", { name: "greeting.bounced", schema: true }],
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
    performs: [
      { name: "greeting.send", schema: '{"type":"object"}' },
      { name: "c.d", schema: null },
    ],
    announces: [
      { name: "greeting.sent", schema: null },
      { name: "greeting.bounced", schema: "true" },
    ],
    limits: { time: 5000, memory: 1 << 24, prefetch: 7, attempts: 4 },
  });
  const own = open({ version: "2", summary: "" }).manifest.describe();
  assert.deepEqual([own.version, own.summary, own.limits.time], ["2", "", null]);
});

test("two handlers of one event or of one task are refused", () => {
  const subscriber = subscribe("a.b", () => {});
  assert.throws(() => definePlugin({ subscribers: [subscriber, subscriber] }), /two subscribers of a\.b/);
  const worker = perform("c.d", () => {});
  assert.throws(() => definePlugin({ workers: [worker, worker] }), /two workers of c\.d/);
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

test("an interface is there only if the author wrote something for it", () => {
  const names = (/** @type {import("@leveret/plugin").PluginOptions} */ options) =>
    Object.entries(made(options)).flatMap(([name, one]) => (one ? [name] : []));
  const [subscribers, workers] = [[subscribe("a.b", () => {})], [perform("c.d", () => {})]];
  assert.deepEqual(names({ subscribers }), ["manifest", "subscriber"]);
  assert.deepEqual(names({ workers }), ["manifest", "worker"]);
  assert.deepEqual(names({ subscribers, workers, healthy() {} }), ["manifest", "subscriber", "worker", "probe"]);
  assert.deepEqual(names({ workers, recover() {} }), ["manifest", "worker", "recovery"]);
});

const { source: _, ...assignment } = { ...event, name: "greeting.send", attempt: 2, key: "k-1" };

test("a task reaches its worker whole, and so does what comes of it the host", () => {
  const repeat = perform("greeting.send", ({ time, payload, headers, ...facts }) => [
    task("visit.count", payload, { key: "k-2" }),
    announce("greeting.sent", { ...facts, time: time.getTime() }, { headers }),
  ]);
  assert.deepEqual(open({ workers: [repeat] }).worker.perform(assignment), {
    announcements: [
      {
        name: "greeting.sent",
        payload: '{"name":"greeting.send","id":"id-1","tid":"tid-1","attempt":2,"key":"k-1","time":1500}',
        headers: [{ name: "traceparent", value: "00-1" }],
      },
    ],
    tasks: [{ name: "visit.count", payload: '{"user":7}', key: "k-2", headers: [] }],
  });
});

test("a task that nobody performs is rejected, and a worker's failure is the host's", () => {
  const busy = perform("c.d", () => {
    throw retry("busy").after(7);
  });
  const { worker } = open({ workers: [busy] });
  assert.deepEqual(
    thrown(() => worker.perform(assignment)),
    { tag: "reject", val: "the plugin has no worker of greeting.send" },
  );
  assert.deepEqual(
    thrown(() => worker.perform({ ...assignment, name: "c.d" })),
    { tag: "retry", val: { reason: "busy", after: 7 } },
  );
});

test("recovery gets the message and its failed attempts, and its error is a text", () => {
  const { recovery } = open({
    recover(message, attempts) {
      if (message.kind === "task") throw reject(`task ${message.attempt} ${message.key}`);
      return task("complaint.file", { id: message.id, payload: message.payload, attempts });
    },
  });
  const attempt = { attempt: 3, time: 0, version: "1", reason: "busy" };
  const [{ payload }] = recovery.recover({ tag: "event", val: event }, [attempt]);
  assert.deepEqual(JSON.parse(payload), {
    id: "id-1",
    payload: { user: 7 },
    attempts: [{ attempt: 3, time: "1970-01-01T00:00:00.000Z", version: "1", reason: "busy" }],
  });
  assert.equal(
    thrown(() => recovery.recover({ tag: "task", val: { ...assignment, key: null } }, [])),
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
    thrown(() => ill.probe.healthy()),
    "hello undefined",
  );
  assert.equal(open({ healthy() {} }).probe.healthy(), undefined);
  assert.equal(setting("greeting"), undefined);
});

test("a timetable says when its events are due, and one that says it wrongly is refused", () => {
  const { timekeeper } = open({
    timetable: [
      { event: "report.due", cron: "30 8 * * MON-FRI", zone: "Europe/Berlin", missed: "skip" },
      { event: "cache.expired", every: 90_000, offset: 7_000 },
      { event: "year.ended", at: new Date(5_000), missed: "all" },
    ],
  });
  assert.deepEqual(timekeeper.timetable(), [
    {
      event: "report.due",
      schedule: { tag: "cron", val: "30 8 * * MON-FRI" },
      zone: "Europe/Berlin",
      missed: "skip",
    },
    {
      event: "cache.expired",
      schedule: { tag: "every", val: { length: 90_000, offset: 7_000 } },
      zone: null,
      missed: "once",
    },
    { event: "year.ended", schedule: { tag: "at", val: 5_000 }, zone: null, missed: "all" },
  ]);
  const refused = (/** @type {object} */ wrong) =>
    assert.throws(() => made({ timetable: [{ event: "a.b", ...wrong }] }), TypeError);
  [{}, { cron: "* * * * *", every: 1000 }, { every: 0.5 }, { at: new Date("soon") }].forEach(refused);
  const twice = { event: "a.b", every: 1000 };
  assert.throws(() => made({ timetable: [twice, twice] }), /has a.b twice/);
});
