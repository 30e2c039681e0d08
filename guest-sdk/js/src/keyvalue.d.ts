/** Buckets of values for workers, where the operator grants them. An application's plugins share those of one name. */

/**
 * Opens a bucket.
 *
 * @throws {KeyValueError} if there is none of this name, or it is not granted
 */
export function open(name: string): Bucket;

/** Values by their keys. Each method throws a {@link KeyValueError} where the host cannot do what it is asked for. */
export interface Bucket {
  /** The value, if there is one. */
  get(key: string): Uint8Array | undefined;
  /** The value as text, if there is one. */
  text(key: string): string | undefined;
  /** The value as JSON, if there is one. */
  json(key: string): any;
  /** Sets a value. Text is kept as UTF-8. */
  set(key: string, value: string | Uint8Array): void;
  /** Deletes a value, if there is one. */
  delete(key: string): void;
  /** Whether there is a value. */
  has(key: string): boolean;
  /** All keys, in no particular order. */
  keys(): Iterable<string>;
  /** Adds to a counter, in one step, and gives what it is then. One that is not there is 0 before. */
  increment(key: string, by?: number): number;
}

/** What the host says. Not caught, it has the task tried again, with its message as the reason. */
export class KeyValueError extends Error {
  /** The error of `wasi:keyvalue`: `no-such-store`, `access-denied` or `other`. */
  readonly code: string | undefined;
  constructor(message: string, code?: string);
}
