import assert from "node:assert/strict";
import { test } from "node:test";
import { announce, definePlugin, perform as worker, retry, setting, subscribe, task } from "@leveret/plugin";
import { deliver, healthy, perform, recover } from "@leveret/plugin/testing";

const plugin = definePlugin({
  subscribers: [
    subscribe("a.b", ({ id, payload, time }) =>
      task("c.d", payload, { key: id, headers: { year: String(time.getUTCFullYear()) } }),
    ),
  ],
  workers: [
    worker("c.d", ({ key, attempt, payload }) => {
      if (attempt > 1) throw retry("busy");
      return [announce("a.b", payload, { headers: { key: String(key) } }), task("c.d", payload)];
    }),
  ],
  recover(message, attempts) {
    if (message.kind === "task") throw new Error(`${message.name} ${message.attempt}`);
    return task("c.d", { id: message.id, reasons: attempts.map(({ reason }) => reason) });
  },
  healthy() {
    const ill = setting("ill");
    if (ill) throw new Error(ill);
  },
});

test("an event is delivered with what a test says of it", () => {
  const time = new Date("2026-11-20T12:00:00Z");
  assert.deepEqual(deliver(plugin, { name: "a.b", payload: { at: time }, id: "id-1", time }), {
    tasks: [{ name: "c.d", payload: { at: "2026-11-20T12:00:00.000Z" }, key: "id-1", headers: { year: "2026" } }],
  });
});

test("a task is performed with what a test says of it", () => {
  assert.deepEqual(perform(plugin, { name: "c.d", payload: 7, key: "k" }), {
    events: [{ name: "a.b", payload: 7, headers: { key: "k" } }],
    tasks: [{ name: "c.d", payload: 7 }],
  });
  assert.deepEqual(perform(plugin, { name: "c.d", payload: 7, attempt: 2 }), { retry: { reason: "busy" } });
  assert.throws(() => perform(definePlugin({}), { name: "c.d", payload: 7 }), /has no worker/);
  assert.throws(() => deliver(definePlugin({}), { name: "a.b", payload: 7 }), /has no subscriber/);
});

test("a message is recovered", () => {
  assert.deepEqual(recover(plugin, { name: "a.b", payload: {} }, [{ reason: "busy" }]), {
    tasks: [{ name: "c.d", payload: { id: "sample-id", reasons: ["busy"] } }],
  });
  assert.deepEqual(recover(plugin, { kind: "task", name: "c.d", payload: {} }), { error: "c.d 1" });
  assert.throws(() => recover(definePlugin({}), { name: "a.b", payload: {} }), /has no `recover`/);
});

test("a probe is asked", () => {
  assert.equal(healthy(plugin), undefined);
  assert.equal(healthy(plugin, { settings: { ill: "worn out" } }), "worn out");
  assert.throws(() => healthy(definePlugin({})), /has no `healthy`/);
});
