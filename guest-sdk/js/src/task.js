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
 * @param {unknown} returned
 * @param {string} handler
 * @returns {Task[]}
 */
export function tasks(returned, handler) {
  const given = synchronous(returned, handler);
  if (given === undefined || given === null) return [];
  const list =
    typeof given === "object" && Symbol.iterator in given ? [.../** @type {Iterable<unknown>} */ (given)] : [given];
  return list.map((one) => {
    if (isTask(one)) return one;
    throw new TypeError(`${handler} returned ${JSON.stringify(one) ?? String(one)}, which is not a task`);
  });
}

/**
 * @param {unknown} value
 * @returns {value is Task}
 */
function isTask(value) {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    typeof value.name === "string" &&
    "payload" in value
  );
}

/**
 * A task's payload as JSON text.
 *
 * @param {Task} task
 * @returns {string}
 */
export function json({ name, payload }) {
  const text = JSON.stringify(payload);
  if (text === undefined) throw new TypeError(`the payload of the task ${name} is not JSON: ${String(payload)}`);
  return text;
}
