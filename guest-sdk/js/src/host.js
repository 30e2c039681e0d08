/** @import * as contract from "./contract.d.ts" */

/**
 * What the host gives to a plugin. Natively, and while a component is built, it gives nothing, and log lines go to
 * standard error, where there is one.
 *
 * @typedef {object} Host
 * @property {(level: string, line: string) => void} log
 * @property {(name: string) => string | undefined} setting
 * @property {Exchange} [http] there if the plugin uses it
 * @property {contract.KeyValue} [keyvalue] there if the plugin uses it
 */

/**
 * An HTTP request and its answer.
 *
 * @typedef {(request: Request) => Answer} Exchange
 *
 * @typedef {object} Request
 * @property {string} method
 * @property {string} url
 * @property {Record<string, string>} headers
 * @property {Uint8Array} body
 * @property {number} [timeout] in milliseconds
 *
 * @typedef {{ status: number, headers: Record<string, string>, body: Uint8Array }} Answer
 */

/**
 * What there is only in a component whose plugin uses it, each with how the host has it of the component's imports.
 * The modules that need it enter it as they are loaded.
 *
 * @type {{ [Name in keyof contract.Granted]?: (imported: contract.Granted[Name]) => Host[Name] }}
 */
export const used = {};

// The component's engine has no console of its own.
const print = globalThis.console?.error;

/** @type {Host} */
export const native = {
  log: (level, line) => print?.(`${level}: ${line}`),
  setting: () => undefined,
};

/** @type {Host} */
export let host = native;

/**
 * Runs `work` with another host.
 *
 * @template T
 * @param {Host} other
 * @param {() => T} work
 * @returns {T}
 */
export function within(other, work) {
  const outer = host;
  host = other;
  try {
    return work();
  } finally {
    host = outer;
  }
}
