import assert from "node:assert/strict";
import { test } from "node:test";
import { deliver } from "@leveret/plugin/testing";
import plugin from "../src/plugin.ts";

test("a payer is thanked", () => {
  const payload = { user: { email: "ada@example.org" }, amount: 4200 };
  assert.deepEqual(deliver(plugin, { name: "org.payment.processed", payload }), {
    tasks: [{ name: "email.send", payload: { to: "ada@example.org", template: "thanks" } }],
  });
});
