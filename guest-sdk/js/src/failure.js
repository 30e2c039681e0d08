import { text } from "./text.js";

/** @param {unknown} reason */
const cause = (reason) => (reason instanceof Error ? { cause: reason } : undefined);

export class Retry extends Error {
  /** @param {unknown} reason */
  constructor(reason) {
    super(text(reason), cause(reason));
    this.name = "Retry";
    /** @type {number | undefined} */
    this.delay = undefined;
  }

  /** @param {number} milliseconds */
  after(milliseconds) {
    if (!(milliseconds >= 0 && milliseconds <= Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`a retry after ${milliseconds} ms: it must be 0 or more`);
    }
    this.delay = Math.ceil(milliseconds);
    return this;
  }
}

export class Reject extends Error {
  /** @param {unknown} reason */
  constructor(reason) {
    super(text(reason), cause(reason));
    this.name = "Reject";
  }
}

/** @param {unknown} reason */
export function retry(reason) {
  return new Retry(reason);
}

/** @param {unknown} reason */
export function reject(reason) {
  return new Reject(reason);
}

/**
 * What was thrown, as a failure: whatever is not one already is a retry.
 *
 * @param {unknown} thrown
 * @returns {Retry | Reject}
 */
export function failure(thrown) {
  return thrown instanceof Retry || thrown instanceof Reject ? thrown : retry(thrown);
}
