/** @import { Event, SubscriptionOptions, Subscriber, Validator } from "./index.d.ts" */
import { reject } from "./failure.js";
import { refuseAsync, synchronous } from "./synchronous.js";
import { tasks } from "./task.js";

/**
 * @param {string} event
 * @param {any[]} rest
 * @returns {Subscriber}
 */
export function subscribe(event, ...rest) {
  const handler = rest.pop();
  refuseAsync(handler, `the handler of ${event}`);
  const options = subscriptionOptions(rest[0]);
  return { event, schema: options.schema, payload: options.payload, handler };
}

/**
 * @param {Validator<unknown> | SubscriptionOptions<unknown> | undefined} given
 * @returns {SubscriptionOptions<unknown>}
 */
function subscriptionOptions(given) {
  if (given === undefined) return {};
  return "~standard" in given ? { payload: given } : given;
}

/**
 * Hands an event to its subscriber.
 *
 * @param {Subscriber} subscriber
 * @param {Event<string>} event with its payload still JSON text
 */
export function deliver(subscriber, event) {
  const payload = validated(parsed(event.payload), subscriber.payload);
  return tasks(subscriber.handler({ ...event, payload }), `the handler of ${event.name}`);
}

/** @param {string} text */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw reject(`the payload is not JSON: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * @param {unknown} value
 * @param {Validator<unknown> | undefined} validator
 */
function validated(value, validator) {
  if (validator === undefined) return value;
  const result = synchronous(validator["~standard"].validate(value), "the payload's validator");
  if ("issues" in result && result.issues) {
    throw reject(`the payload does not fit: ${result.issues.map(misfit).join("; ")}`);
  }
  return /** @type {{ value: unknown }} */ (result).value;
}

/** @param {{ message: string, path?: readonly (PropertyKey | { key: PropertyKey })[] }} issue */
function misfit({ message, path = [] }) {
  const steps = path.map((step) => (typeof step === "object" ? step.key : step));
  const place = steps.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  return place === "" ? message : `${place.replace(/^\./, "")}: ${message}`;
}
