/** @import { Event, Subscriber } from "./index.d.ts" */
import { payloadOptions, readPayload } from "./payload.js";
import { refuseAsync } from "./synchronous.js";
import { tasks } from "./task.js";

/**
 * @param {string} event
 * @param {any[]} rest
 * @returns {Subscriber}
 */
export function subscribe(event, ...rest) {
  const handler = rest.pop();
  refuseAsync(handler, `the handler of ${event}`);
  const { schema, payload } = payloadOptions(rest[0]);
  return { event, schema, payload, handler };
}

/**
 * Hands an event to its subscriber.
 *
 * @param {Subscriber} subscriber
 * @param {Event<string>} event with its payload still JSON text
 */
export function deliver(subscriber, event) {
  const payload = readPayload(event.payload, subscriber.payload);
  return tasks(subscriber.handler({ ...event, payload }), `the handler of ${event.name}`);
}
