import assert from "node:assert/strict";
import { test } from "node:test";
import { definePlugin, reject, retry, subscribe, task } from "@leveret/plugin";
import { deliver } from "@leveret/plugin/testing";
import * as v from "valibot";

const Order = v.object({ lines: v.array(v.object({ amount: v.number() })) });

/** @param {import("@leveret/plugin").Subscriber} subscriber @param {unknown} payload */
const outcome = (subscriber, payload) =>
  deliver(definePlugin({ subscribers: [subscriber] }), { name: subscriber.event, payload });

test("a payload reaches the handler as its validator reads it", () => {
  const Shouted = v.pipe(v.string(), v.toUpperCase());
  const subscriber = subscribe("user.named", Shouted, ({ payload }) => task("name.keep", payload));
  assert.deepEqual(outcome(subscriber, "ada"), { tasks: [{ name: "name.keep", payload: "ADA" }] });
});

test("a payload that does not fit is rejected with the path to what does not", () => {
  const subscriber = subscribe("order.placed", { payload: Order }, () => {});
  assert.deepEqual(outcome(subscriber, { lines: [{ amount: 7 }, { amount: "x" }] }), {
    reject: 'the payload does not fit: lines[1].amount: Invalid type: Expected number but received "x"',
  });
  assert.deepEqual(outcome(subscriber, null), {
    reject: "the payload does not fit: Invalid type: Expected Object but received null",
  });
});

test("a validator that has to wait is refused", () => {
  const Slow = v.objectAsync({});
  const subscriber = subscribe("order.placed", Slow, () => {});
  const reason = "TypeError: the payload's validator returned a promise, and a plugin's functions cannot wait for one";
  assert.deepEqual(outcome(subscriber, {}), { retry: { reason } });
});

test("without a validator any payload reaches the handler", () => {
  const subscriber = subscribe("a.b", ({ payload }) => task("c.d", payload));
  for (const payload of [null, "", {}, [1.5, "\u2028", "🐇"]]) {
    assert.deepEqual(outcome(subscriber, payload), { tasks: [{ name: "c.d", payload }] });
  }
});

test("a handler returns no task, one, or several, or yields them", () => {
  const one = task("c.d", 1);
  const emitted = { name: "c.d", payload: 1 };
  assert.deepEqual(
    outcome(
      subscribe("a.b", () => {}),
      {},
    ),
    { tasks: [] },
  );
  assert.deepEqual(
    outcome(
      subscribe("a.b", () => null),
      {},
    ),
    { tasks: [] },
  );
  assert.deepEqual(
    outcome(
      subscribe("a.b", () => one),
      {},
    ),
    { tasks: [emitted] },
  );
  assert.deepEqual(
    outcome(
      subscribe("a.b", () => [one, one]),
      {},
    ),
    { tasks: [emitted, emitted] },
  );
  const yields = subscribe("a.b", function* () {
    yield one;
  });
  assert.deepEqual(outcome(yields, {}), { tasks: [emitted] });
});

test("what is not a task fails the delivery", () => {
  const subscriber = subscribe("a.b", /** @type {any} */ (() => "c.d"));
  const reason = 'TypeError: the handler of a.b returned "c.d", which is not a task';
  assert.deepEqual(outcome(subscriber, {}), { retry: { reason } });
});

test("a task's payload that is not JSON fails the delivery", () => {
  const subscriber = subscribe("a.b", () => task("c.d", undefined));
  const reason = "TypeError: the payload of the task c.d is not JSON: undefined";
  assert.deepEqual(outcome(subscriber, {}), { retry: { reason } });
});

test("a failure says whether and when to try again", () => {
  /** @param {unknown} thrown */
  const thrower = (thrown) =>
    subscribe("a.b", () => {
      throw thrown;
    });
  assert.deepEqual(outcome(thrower(retry("busy")), {}), { retry: { reason: "busy" } });
  assert.deepEqual(outcome(thrower(retry("busy").after(1.5)), {}), { retry: { reason: "busy", after: 2 } });
  assert.deepEqual(outcome(thrower(reject("never")), {}), { reject: "never" });
  assert.deepEqual(outcome(thrower(reject(new RangeError("far"))), {}), { reject: "RangeError: far" });
  assert.deepEqual(outcome(thrower(new Error("boom")), {}), { retry: { reason: "boom" } });
  assert.deepEqual(outcome(thrower("boom"), {}), { retry: { reason: "boom" } });
  assert.deepEqual(outcome(thrower({ code: 7 }), {}), { retry: { reason: '{"code":7}' } });
});

test("a wait that is none is refused", () => {
  for (const wait of [-1, NaN, Infinity]) assert.throws(() => retry("busy").after(wait), RangeError);
});

test("an async handler is refused when it is given, and a promise when it is returned", () => {
  const waits = /** @type {any} */ (async () => {});
  assert.throws(() => subscribe("a.b", waits), /the handler of a\.b is async/);
  const promises = /** @type {any} */ (() => Promise.resolve());
  const reason = "TypeError: the handler of a.b returned a promise, and a plugin's functions cannot wait for one";
  assert.deepEqual(outcome(subscribe("a.b", promises), {}), { retry: { reason } });
  assert.throws(() => subscribe("a.b", /** @type {any} */ ({})), /the handler of a\.b is not a function/);
});
