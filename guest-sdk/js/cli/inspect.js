import { Fault } from "./fault.js";

/**
 * Loads a bundled plugin here, to find out what it exports as a component.
 *
 * @param {import("./bundle.js").Bundle} bundle
 * @returns {Promise<string[]>} the interfaces' names
 */
export async function inspect({ text }) {
  const { plugin, leveret$open } = await load(text);
  if (!Array.isArray(plugin?.subscribers))
    throw new Fault("the main source's default export is not made by `definePlugin`");
  const exports = leveret$open(undefined);
  return Object.keys(exports).filter((name) => exports[name] !== undefined);
}

/** @param {string} text */
async function load(text) {
  try {
    return await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
  } catch (error) {
    throw new Fault(`the plugin cannot be loaded: ${error.message ?? error}`);
  }
}
