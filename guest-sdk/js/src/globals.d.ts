/**
 * What there is in a plugin beside the language itself. Name it under `types` in `tsconfig.json`, so that nothing else
 * compiles that a plugin would not find when it runs.
 */

export {};

declare global {
  interface Console {
    /** Writes an `info` line to the host's log. */
    log(...values: unknown[]): void;
    /** Writes a `trace` line to the host's log. */
    trace(...values: unknown[]): void;
    /** Writes a `debug` line to the host's log. */
    debug(...values: unknown[]): void;
    /** Writes an `info` line to the host's log. */
    info(...values: unknown[]): void;
    /** Writes a `warn` line to the host's log. */
    warn(...values: unknown[]): void;
    /** Writes an `error` line to the host's log. */
    error(...values: unknown[]): void;
  }
  var console: Console;

  /**
   * Randomness that is seeded from the message's id: the same event gives the same. A worker may be granted the
   * system's instead.
   */
  interface Crypto {
    getRandomValues<Values extends ArrayBufferView>(array: Values): Values;
    randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
  }
  var crypto: Crypto;

  function atob(base64: string): string;
  function btoa(bytes: string): string;
}
