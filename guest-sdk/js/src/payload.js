/** @import { PayloadOptions, Validator } from "./index.d.ts" */
import { reject } from "./failure.js";
import { synchronous } from "./synchronous.js";

/**
 * What a handler wants of its payloads, in either of the forms that an author may give it.
 *
 * @param {Validator<unknown> | PayloadOptions<unknown> | undefined} given
 * @returns {PayloadOptions<unknown>}
 */
export function payloadOptions(given) {
  if (given === undefined) return {};
  return "~standard" in given ? { payload: given } : given;
}

/**
 * A message's payload as its validator reads it.
 *
 * @param {string} text
 * @param {Validator<unknown> | undefined} validator
 */
export function readPayload(text, validator) {
  return validated(parsed(text), validator);
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
