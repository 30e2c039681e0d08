import assert from "node:assert/strict";
import { test } from "node:test";
import { reach } from "../src/world.js";

/** @param {number} byte */
const bytes = (byte) => (/** @type {number} */ count) => new Uint8Array(count).fill(byte);

/** @param {number} byte */
const imports = (byte) => ({
  log: { log() {} },
  store: { get: (/** @type {string} */ key) => (key === "greeting" ? "hello" : null) },
  random: { getRandomBytes: bytes(byte) },
  insecure: { getInsecureRandomBytes: bytes(byte) },
});

// `reach` replaces what Node has: put it back.
test("the world is the host's", (context) => {
  const { random } = Math;
  const own = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(globalThis, "crypto"));
  Object.defineProperty(globalThis, "crypto", { value: undefined, writable: true, configurable: true });
  context.after(() => {
    Math.random = random;
    Object.defineProperty(globalThis, "crypto", own);
  });

  reach(imports(0));
  assert.equal(Math.random(), 0);
  reach(imports(0xff));
  assert.equal(Math.random(), 1 - 2 ** -53);
  assert.equal(crypto.randomUUID(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  assert.deepEqual(crypto.getRandomValues(new Uint16Array(2)), new Uint16Array([0xffff, 0xffff]));

  const host = reach(imports(0));
  assert.equal(host.setting("greeting"), "hello");
  assert.equal(host.setting("else"), undefined);
});
