/** @import * as contract from "./contract.d.ts" */
/** @import { Plugin } from "./index.d.ts" */
/** @import { EmittedTask, World } from "./testing.d.ts" */
import { component } from "./component.js";
import { native } from "./host.js";
import { answering, keeping } from "./stand.js";

/**
 * @param {Plugin} plugin
 * @param {any} event
 * @param {World} [world]
 */
export function deliver(plugin, event, world) {
  const { subscriber } = opened(plugin, world);
  if (!subscriber) throw new TypeError("the plugin has no subscriber");
  return outcome(() => ({ tasks: subscriber.onEvent(written(event)).map(read) }));
}

/**
 * @param {Plugin} plugin
 * @param {any} task
 * @param {World} [world]
 */
export function perform(plugin, task, world) {
  const { worker } = opened(plugin, world);
  if (!worker) throw new TypeError("the plugin has no worker");
  return outcome(() => {
    const { announcements, tasks } = worker.perform(assigned(task));
    return { events: announcements.map(read), tasks: tasks.map(read) };
  });
}

/**
 * What comes of a delivery, or its failure.
 *
 * @template Done
 * @param {() => Done} work
 */
function outcome(work) {
  try {
    return work();
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
  const val = kind === "task" ? assigned(rest) : written(rest);
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
function opened(plugin, { settings = {}, http, buckets } = {}) {
  const setting = (/** @type {string} */ name) => settings[name];
  const host = { ...native, setting, http: http && answering(http), keyvalue: buckets && keeping(buckets) };
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

/** @param {any} task */
function assigned(task) {
  return { attempt: 1, key: null, ...written(task) };
}

/** @param {any} attempt */
function failedAttempt({ attempt = 1, time = new Date(0), version = "sample-version", reason = "" }) {
  return { attempt, time: time.getTime(), version, reason };
}

/**
 * @param {{ name: string, payload: string, key?: string | null, headers: contract.Header[] }} emitted
 * @returns {EmittedTask}
 */
function read({ name, payload, key, headers }) {
  /** @type {EmittedTask} */
  const one = { name, payload: JSON.parse(payload) };
  if (typeof key === "string") one.key = key;
  if (headers.length > 0) one.headers = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  return one;
}
