import { Fault } from "./fault.js";

/**
 * Loads a bundled plugin here, to find out what it has as a component.
 *
 * @param {import("./bundle.js").Bundle} bundle
 * @returns {Promise<import("./world.js").Shape>}
 */
export async function inspect({ text }) {
  const { plugin, leveret$used, leveret$open } = await load(text);
  if (!Array.isArray(plugin?.subscribers))
    throw new Fault("the main source's default export is not made by `definePlugin`");
  if (plugin.subscribers.length === 0 && plugin.workers.length === 0)
    throw new Fault("the plugin has neither a subscriber nor a worker: list one in `definePlugin`");
  const exports = leveret$open(undefined);
  const exported = Object.keys(exports).filter((name) => exports[name] !== undefined);
  const used = /** @type {import("./world.js").Shape["used"]} */ (Object.keys(leveret$used));
  if (used.length > 0 && plugin.workers.length === 0)
    throw new Fault(`only a worker has \`@leveret/plugin/${used[0]}\`: a subscriber sees nothing but its event`);
  return { exported, used };
}

/** @param {string} text */
async function load(text) {
  try {
    return await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
  } catch (error) {
    throw new Fault(`the plugin cannot be loaded: ${error.message ?? error}`);
  }
}
