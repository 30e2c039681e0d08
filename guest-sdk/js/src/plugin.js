/** @import { Plugin, PluginOptions } from "./index.d.ts" */
import { refuseAsync } from "./synchronous.js";
import { check } from "./timetable.js";

/**
 * @param {PluginOptions} options
 * @returns {Plugin}
 */
export function definePlugin(options) {
  const { subscribers = [], workers = [], emits = [], announces = [], limits = {}, timetable = [] } = options;
  const { version, summary, recover, healthy } = options;
  const event = twice(subscribers.map((subscriber) => subscriber.event));
  if (event !== undefined) throw new TypeError(`two subscribers of ${event}: a plugin may have one of each event`);
  const task = twice(workers.map((worker) => worker.task));
  if (task !== undefined) throw new TypeError(`two workers of ${task}: a plugin may have one of each task`);
  for (const [name, limit] of Object.entries(limits)) {
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
      throw new TypeError(`the limit \`${name}\` is not a whole number: ${limit}`);
    }
  }
  const timed = twice(timetable.map((one) => one.event));
  if (timed !== undefined) throw new TypeError(`the timetable has ${timed} twice`);
  check(timetable);
  if (recover) refuseAsync(recover, "`recover`");
  if (healthy) refuseAsync(healthy, "`healthy`");
  return { version, summary, subscribers, workers, emits, announces, limits, recover, healthy, timetable };
}

/** @param {string[]} names */
function twice(names) {
  return names.find((name, index) => names.indexOf(name) !== index);
}
