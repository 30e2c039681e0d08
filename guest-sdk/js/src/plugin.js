/** @import { Plugin, PluginOptions } from "./index.d.ts" */
import { refuseAsync } from "./synchronous.js";

/**
 * @param {PluginOptions} options
 * @returns {Plugin}
 */
export function definePlugin(options) {
  const { subscribers = [], emits = [], limits = {}, version, summary, recover, healthy } = options;
  const events = subscribers.map((subscriber) => subscriber.event);
  const twice = events.find((event, index) => events.indexOf(event) !== index);
  if (twice !== undefined) throw new TypeError(`two subscribers of ${twice}: a plugin may have one of each event`);
  for (const [name, limit] of Object.entries(limits)) {
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
      throw new TypeError(`the limit \`${name}\` is not a whole number: ${limit}`);
    }
  }
  if (recover) refuseAsync(recover, "`recover`");
  if (healthy) refuseAsync(healthy, "`healthy`");
  return { version, summary, subscribers, emits, limits, recover, healthy };
}
