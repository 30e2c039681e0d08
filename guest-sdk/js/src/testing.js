/** @import * as contract from "./contract.d.ts" */
/** @import { Plugin } from "./index.d.ts" */
/** @import { EmittedTask, World } from "./testing.d.ts" */
import { component } from "./component.js";
import { native } from "./host.js";

/**
 * @param {Plugin} plugin
 * @param {any} event
 * @param {World} [world]
 */
export function deliver(plugin, event, world) {
  try {
    return { tasks: opened(plugin, world).subscriber.onEvent(written(event)).map(read) };
  } catch (thrown) {
    const failure = /** @type {contract.Failure} */ (thrown);
    if (failure.tag === "reject") return { reject: failure.val };
    const { reason, after } = failure.val;
    return { retry: after === null ? { reason } : { reason, after } };
  }
}

/**
 * @param {Plugin} plugin
 * @param {any} message
 * @param {any[]} [attempts]
 * @param {World} [world]
 */
export function recover(plugin, message, attempts = [], world) {
  const { recovery } = opened(plugin, world);
  if (!recovery) throw new TypeError("the plugin has no `recover`");
  const { kind, ...rest } = message;
  const val = kind === "task" ? { attempt: 1, key: null, ...written(rest) } : written(rest);
  try {
    return { tasks: recovery.recover({ tag: kind ?? "event", val }, attempts.map(failedAttempt)).map(read) };
  } catch (reason) {
    return { error: reason };
  }
}

/**
 * @param {Plugin} plugin
 * @param {World} [world]
 */
export function healthy(plugin, world) {
  const { probe } = opened(plugin, world);
  if (!probe) throw new TypeError("the plugin has no `healthy`");
  try {
    return probe.healthy();
  } catch (reason) {
    return reason;
  }
}

/**
 * @param {Plugin} plugin
 * @param {World} [world]
 */
function opened(plugin, { settings = {} } = {}) {
  const host = { ...native, setting: (/** @type {string} */ name) => settings[name] };
  return component(plugin, { version: "sample-version", summary: "" }, () => host);
}

/** @param {any} message */
function written({ payload, time = new Date(0), headers = {}, ...rest }) {
  return {
    id: "sample-id",
    tid: "sample-tid",
    source: null,
    ...rest,
    time: time.getTime(),
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    payload: JSON.stringify(payload),
  };
}

/** @param {any} attempt */
function failedAttempt({ attempt = 1, time = new Date(0), version = "sample-version", reason = "" }) {
  return { attempt, time: time.getTime(), version, reason };
}

/**
 * @param {contract.Task} task
 * @returns {EmittedTask}
 */
function read({ name, payload, key, headers }) {
  /** @type {EmittedTask} */
  const task = { name, payload: JSON.parse(payload) };
  if (key !== null) task.key = key;
  if (headers.length > 0) task.headers = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  return task;
}
