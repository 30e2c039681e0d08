/** @import * as contract from "./contract.d.ts" */
import { host, used } from "./host.js";
import { contractError } from "./imported.js";
import { decode, encode } from "./utf8.js";

used.keyvalue = (wasi) => wasi;

export class KeyValueError extends Error {
  /**
   * @param {string} message
   * @param {string} [code]
   */
  constructor(message, code) {
    super(message);
    this.name = "KeyValueError";
    this.code = code;
  }
}

/** @param {string} name */
export function open(name) {
  const { keyvalue } = host;
  if (!keyvalue) throw new KeyValueError("there are no buckets here: in a test, `buckets` of the world are");
  return new Bucket(name, keyvalue);
}

class Bucket {
  #name;
  #keyvalue;
  #held;

  /**
   * @param {string} name
   * @param {contract.KeyValue} keyvalue
   */
  constructor(name, keyvalue) {
    this.#name = name;
    this.#keyvalue = keyvalue;
    this.#held = this.#asked(() => keyvalue.store.open(name));
  }

  /** @param {string} key */
  get(key) {
    return this.#asked(() => this.#held.get(key)) ?? undefined;
  }

  /** @param {string} key */
  text(key) {
    const value = this.get(key);
    return value && decode(value);
  }

  /** @param {string} key */
  json(key) {
    const text = this.text(key);
    return text === undefined ? undefined : JSON.parse(text);
  }

  /**
   * @param {string} key
   * @param {string | Uint8Array} value
   */
  set(key, value) {
    this.#asked(() => this.#held.set(key, typeof value === "string" ? encode(value) : value));
  }

  /** @param {string} key */
  delete(key) {
    this.#asked(() => this.#held.delete(key));
  }

  /** @param {string} key */
  has(key) {
    return this.#asked(() => this.#held.exists(key));
  }

  *keys() {
    for (let page = this.#page(null); ; page = this.#page(page.cursor)) {
      yield* page.keys;
      if (page.cursor === null) return;
    }
  }

  /** @param {number | null} cursor */
  #page(cursor) {
    return this.#asked(() => this.#held.listKeys(cursor));
  }

  /**
   * @param {string} key
   * @param {number} [by]
   */
  increment(key, by = 1) {
    return this.#asked(() => this.#keyvalue.atomics.increment(this.#held, key, by));
  }

  /**
   * Asks the host. What it throws is the contract's error.
   *
   * @template T
   * @param {() => T} ask
   * @returns {T}
   */
  #asked(ask) {
    try {
      return ask();
    } catch (thrown) {
      throw refusal(this.#name, thrown);
    }
  }
}

/**
 * The contract's error, in words. Mostly it is `other`, and has the host's.
 *
 * @param {string} name the bucket's
 * @param {unknown} thrown
 */
function refusal(name, thrown) {
  const error = contractError(thrown);
  if (error instanceof Error) return error;
  const refused = /** @type {contract.KeyValueError} */ (error);
  switch (refused.tag) {
    case "no-such-store":
      return new KeyValueError(`there is no bucket ${name}`, refused.tag);
    case "access-denied":
      return new KeyValueError(`the bucket ${name} is not granted`, refused.tag);
    case "other":
      return new KeyValueError(refused.val, refused.tag);
  }
}
