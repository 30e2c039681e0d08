import { host } from "./host.js";

/** @param {string} name */
export function setting(name) {
  return host.setting(name);
}
