import { host } from "./host.js";
import { text } from "./text.js";

/**
 * @param {string} level
 * @returns {(...values: unknown[]) => void}
 */
function writer(level) {
  return (...values) => {
    for (const line of values.map(text).join(" ").split("\n")) host.log(level, line);
  };
}

export const log = {
  trace: writer("trace"),
  debug: writer("debug"),
  info: writer("info"),
  warn: writer("warn"),
  error: writer("error"),
};
