/**
 * What the host gives to a plugin. Natively, and while a component is built, it gives nothing, and log lines go to
 * standard error.
 *
 * @typedef {object} Host
 * @property {(level: string, line: string) => void} log
 * @property {(name: string) => string | undefined} setting
 */

/** @type {Host} */
export const native = {
  log: (level, line) => console.error(`${level}: ${line}`),
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
