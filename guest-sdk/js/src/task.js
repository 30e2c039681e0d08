/** @import { Task, TaskOptions } from "./index.d.ts" */
import { synchronous } from "./synchronous.js";

/**
 * @param {string} name
 * @param {unknown} payload
 * @param {TaskOptions} [options]
 * @returns {Task}
 */
export function task(name, payload, options = {}) {
  return { name, payload, ...options };
}

/**
 * The tasks in what a handler returned: nothing, one task, or several.
 *
 * @param {unknown} given
 * @param {string} handler
 * @returns {Task[]}
 */
export function tasks(given, handler) {
  return returned(given, handler).map((one) => {
    if (isTask(one)) return one;
    throw new TypeError(`${handler} returned ${JSON.stringify(one) ?? String(one)}, which is not a task`);
  });
}

/**
 * What a handler returned, as a list: nothing, one thing, or several.
 *
 * @param {unknown} value
 * @param {string} handler
 * @returns {unknown[]}
 */
export function returned(value, handler) {
  const given = synchronous(value, handler);
  if (given === undefined || given === null) return [];
  return typeof given === "object" && Symbol.iterator in given
    ? [.../** @type {Iterable<unknown>} */ (given)]
    : [given];
}

/**
 * @param {unknown} value
 * @returns {value is Task}
 */
export function isTask(value) {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    typeof value.name === "string" &&
    "payload" in value
  );
}

/**
 * A payload as JSON text.
 *
 * @param {unknown} payload
 * @param {string} whose for a message: `the task email.send`
 * @returns {string}
 */
export function json(payload, whose) {
  const text = JSON.stringify(payload);
  if (text === undefined) throw new TypeError(`the payload of ${whose} is not JSON: ${String(payload)}`);
  return text;
}
