import assert from "node:assert/strict";
import { test } from "node:test";
import { announce, definePlugin, perform, task } from "@leveret/plugin";
import * as testing from "@leveret/plugin/testing";
import * as v from "valibot";

/** @param {import("@leveret/plugin").Worker} worker @param {unknown} payload */
const outcome = (worker, payload) =>
  testing.perform(definePlugin({ workers: [worker] }), { name: worker.task, payload });

test("a payload reaches the handler as its validator reads it, or is rejected with the path", () => {
  const Email = v.object({ to: v.pipe(v.string(), v.toLowerCase()) });
  const worker = perform("email.send", Email, ({ payload }) => announce("email.sent", payload.to));
  assert.deepEqual(outcome(worker, { to: "ADA" }), { events: [{ name: "email.sent", payload: "ada" }], tasks: [] });
  assert.deepEqual(outcome(worker, { to: 7 }), {
    reject: "the payload does not fit: to: Invalid type: Expected string but received 7",
  });
});

test("a handler returns nothing, events, tasks, or both, or yields them", () => {
  const [event, further] = [announce("a.done", 1), task("a.do", 2)];
  const [sent, created] = [[{ name: "a.done", payload: 1 }], [{ name: "a.do", payload: 2 }]];
  /** @param {import("@leveret/plugin").Results} results */
  const of = (results) =>
    outcome(
      perform("a.do", () => results),
      {},
    );
  assert.deepEqual(of(undefined), { events: [], tasks: [] });
  assert.deepEqual(of(event), { events: sent, tasks: [] });
  assert.deepEqual(of(further), { events: [], tasks: created });
  assert.deepEqual(of([further, event]), { events: sent, tasks: created });
  const yields = perform("a.do", function* () {
    yield event;
    yield further;
  });
  assert.deepEqual(outcome(yields, {}), { events: sent, tasks: created });
});

test("what is neither an event nor a task fails the delivery, and so does a payload that is not JSON", () => {
  const other = perform("a.do", /** @type {any} */ (() => [7]));
  const reason = "TypeError: the handler of a.do returned 7, which is neither an announcement nor a task";
  assert.deepEqual(outcome(other, {}), { retry: { reason } });
  const empty = perform("a.do", () => announce("a.done", undefined));
  assert.deepEqual(outcome(empty, {}), {
    retry: { reason: "TypeError: the payload of the event a.done is not JSON: undefined" },
  });
});

test("an async handler is refused", () => {
  assert.throws(() => perform("a.do", /** @type {any} */ (async () => {})), /the handler of a\.do is async/);
});
