/** @import { Imports } from "./contract.d.ts" */
/** @import { Host } from "./host.js" */
import { used } from "./host.js";
import { log } from "./log.js";

// The engine has no console. Modules that print while they are loaded, at build time, must find one.
globalThis.console ??= /** @type {any} */ ({ ...log, log: log.info });

/**
 * The host as a component reaches it.
 *
 * @param {Imports} imports
 * @returns {Host}
 */
export function reach({ log, store, random, insecure, http, keyvalue }) {
  // The engine's own generator was seeded when the component was built: it would give every delivery the same numbers.
  Math.random = fractions(insecure.getInsecureRandomBytes);
  globalThis.crypto = /** @type {any} */ (cryptography(random));
  return {
    log: log.log,
    setting: (name) => store.get(name) ?? undefined,
    http: http && used.http?.(http),
    keyvalue: keyvalue && used.keyvalue?.(keyvalue),
  };
}

/**
 * Numbers from 0 up to 1, each made of 53 bits. Bytes are taken many at a time, since a call of the host costs more
 * than a number.
 *
 * @param {(count: number) => Uint8Array} bytes
 */
function fractions(bytes) {
  let words = new Uint32Array(0);
  let next = 0;
  return () => {
    if (next === words.length) {
      words = new Uint32Array(bytes(1024).slice().buffer);
      next = 0;
    }
    const high = words[next++];
    const low = words[next++];
    return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
  };
}

/** @param {Imports["random"]} random */
function cryptography({ getRandomBytes }) {
  return {
    /** @param {ArrayBufferView} array */
    getRandomValues(array) {
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(getRandomBytes(array.byteLength));
      return array;
    },
    randomUUID() {
      const bytes = getRandomBytes(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    },
  };
}
