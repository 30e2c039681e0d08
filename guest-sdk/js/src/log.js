import { host } from "./host.js";
import { text } from "./text.js";

/** @param {string} level */
const writer = (level) => (/** @type {unknown[]} */ ...values) => host.log(level, values.map(text).join(" "));

export const log = {
  trace: writer("trace"),
  debug: writer("debug"),
  info: writer("info"),
  warn: writer("warn"),
  error: writer("error"),
};
