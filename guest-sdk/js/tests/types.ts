// What must compile, and what must not: `tsc` is the test.
import * as v from "valibot";
import { announce, definePlugin, perform, subscribe, task, type Validator } from "@leveret/plugin";
import { send } from "@leveret/plugin/http";
import { open } from "@leveret/plugin/keyvalue";

const Payment = v.object({ email: v.string(), amount: v.number() });

subscribe("org.payment.processed", Payment, ({ payload }) => {
  const email: string = payload.email;
  // @ts-expect-error: an amount is a number
  const amount: string = payload.amount;
  return task("email.send", { email, amount });
});

subscribe("org.payment.processed", { payload: Payment, schema: { type: "object" } }, ({ payload }) => {
  const amount: number = payload.amount;
  return [task("email.send", { amount })];
});

subscribe("user.authorized", (event) => {
  const time: number = event.time.getTime();
  // @ts-expect-error: nothing is known of a payload that nothing validates
  return task("greeting.send", { to: event.payload.email, time });
});

const upper: Validator<string> = {
  "~standard": { validate: (value) => ({ value: String(value).toUpperCase() }) },
};
subscribe("user.named", upper, ({ payload }) => task("name.keep", payload.toLowerCase()));

subscribe("user.named", function* () {
  yield task("name.keep", {});
});

perform("email.send", Payment, ({ payload, attempt, key }) => {
  const amount: number = payload.amount;
  return [announce("email.sent", { amount, attempt, key }), task("visit.count", {}, { key: key ?? "none" })];
});

perform("page.visit", ({ id }) => {
  const { status, headers, body } = send("https://example.org", { method: "PUT", body: "text", timeout: 1_000 });
  const length: number = body.length + status;
  const pages = open("pages");
  pages.set(id, headers["content-type"] ?? body);
  // @ts-expect-error: there may be no value
  const value: Uint8Array = pages.get(id);
  return announce("page.visited", { length, value, keys: [...pages.keys()] });
});

// @ts-expect-error: an answer is there at once, and there is nothing to await
send("https://example.org").then(() => {});
// @ts-expect-error: an event is announced, and by workers only
subscribe("user.authorized", () => announce("email.sent", {}));
// @ts-expect-error: a worker cannot wait
perform("email.send", async () => {});

// @ts-expect-error: a handler cannot wait
subscribe("user.authorized", async () => {});
// @ts-expect-error: nor with a payload
subscribe("user.authorized", Payment, async () => task("greeting.send", {}));
// @ts-expect-error: nor with options
subscribe("user.authorized", { schema: true }, async () => [task("greeting.send", {})]);
// @ts-expect-error: a text is not a task
subscribe("user.authorized", () => "greeting.send");

definePlugin({
  summary: "Greets people.",
  subscribers: [subscribe("org.payment.processed", Payment, () => {})],
  workers: [perform("email.send", Payment, () => {})],
  announces: ["email.sent", { name: "email.bounced", schema: { type: "object" } }],
  recover(message, attempts) {
    if (message.kind === "task") return task("complaint.file", { attempt: message.attempt });
    return task("complaint.file", { source: message.source, reasons: attempts.map(({ reason }) => reason) });
  },
  healthy() {},
  timetable: [{ event: "email.due", every: 60_000, missed: "once" }],
});

// @ts-expect-error: no such policy
definePlugin({ timetable: [{ event: "email.due", every: 60_000, missed: "twice" }] });

// @ts-expect-error: recovery cannot wait
definePlugin({ recover: async () => {} });
// @ts-expect-error: nor can a probe
definePlugin({ healthy: async () => {} });
