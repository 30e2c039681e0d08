const AsyncFunction = (async () => {}).constructor;
const AsyncGeneratorFunction = async function* () {}.constructor;

/**
 * Refuses an async function as soon as it is handed over. A plugin has nothing to wait for, and its engine runs no
 * promises once a handler has returned.
 *
 * @param {unknown} given
 * @param {string} role
 */
export function refuseAsync(given, role) {
  if (typeof given !== "function") throw new TypeError(`${role} is not a function`);
  if (given instanceof AsyncFunction || given instanceof AsyncGeneratorFunction) {
    throw new TypeError(`${role} is async, and a plugin's functions cannot wait: take out \`async\` and \`await\``);
  }
}

/**
 * What a function returned, unless that is a promise.
 *
 * @template T
 * @param {T} returned
 * @param {string} role
 * @returns {T}
 */
export function synchronous(returned, role) {
  if (typeof returned === "object" && returned !== null) {
    if ("then" in returned && typeof returned.then === "function") {
      throw new TypeError(`${role} returned a promise, and a plugin's functions cannot wait for one`);
    }
  }
  return returned;
}
