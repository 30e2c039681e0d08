// What stands in, in an author's tests, for what the operator grants.

/** @import * as contract from "./contract.d.ts" */
/** @import { Exchange } from "./host.js" */
/** @import { GivenResponse, SentRequest } from "./testing.d.ts" */
import { decode, encode } from "./utf8.js";

/**
 * @param {(request: SentRequest) => GivenResponse} answer
 * @returns {Exchange}
 */
export function answering(answer) {
  return ({ body: sent, timeout, ...request }) => {
    const { status = 200, headers = {}, body = "" } = answer({ ...request, body: decode(sent) });
    const plain = typeof body === "string" || body instanceof Uint8Array;
    return { status, headers, body: bytes(plain ? body : JSON.stringify(body)) };
  };
}

/**
 * @param {Readonly<Record<string, Map<string, string | Uint8Array>>>} buckets
 * @returns {contract.KeyValue}
 */
export function keeping(buckets) {
  return {
    store: {
      open(name) {
        if (!Object.hasOwn(buckets, name)) throw { tag: "no-such-store" };
        return new Bucket(buckets[name]);
      },
    },
    atomics: {
      increment(bucket, key, by) {
        const sum = Number(decode(bucket.get(key) ?? new Uint8Array())) + by;
        bucket.set(key, encode(String(sum)));
        return sum;
      },
    },
  };
}

class Bucket {
  /** @param {Map<string, string | Uint8Array>} values */
  constructor(values) {
    this.values = values;
  }

  /** @param {string} key */
  get(key) {
    const value = this.values.get(key);
    return value === undefined ? null : bytes(value);
  }

  /**
   * @param {string} key
   * @param {Uint8Array} value
   */
  set(key, value) {
    // As text where it is text, so that a test can read it.
    const text = decode(value);
    this.values.set(key, text.includes("\ufffd") ? value : text);
  }

  /** @param {string} key */
  delete(key) {
    this.values.delete(key);
  }

  /** @param {string} key */
  exists(key) {
    return this.values.has(key);
  }

  listKeys() {
    return { keys: [...this.values.keys()], cursor: null };
  }
}

/** @param {string | Uint8Array} value */
function bytes(value) {
  return typeof value === "string" ? encode(value) : value;
}
