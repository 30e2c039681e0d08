/**
 * Any value as text, for people: a log line's part, or a reason.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function text(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.name === "Error" && value.message !== "" ? value.message : String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
