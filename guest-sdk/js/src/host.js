/**
 * What the host gives to a plugin. Natively, and while a component is built, it gives nothing, and log lines go to
 * standard error, where there is one.
 *
 * @typedef {object} Host
 * @property {(level: string, line: string) => void} log
 * @property {(name: string) => string | undefined} setting
 */

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
