/** @import { JsonSchema, Plugin, Shape } from "./index.d.ts" */

/**
 * The plugin's description as the contract has it.
 *
 * @param {Plugin} plugin
 * @param {{ version: string, summary: string }} project what `package.json` says
 */
export function description(plugin, project) {
  const { time, memory, prefetch, attempts } = plugin.limits;
  return {
    version: plugin.version ?? project.version,
    summary: plugin.summary ?? project.summary,
    subscriptions: plugin.subscribers.map(({ event, schema }) => ({ event, schema: schemaText(schema) })),
    emits: plugin.emits.map(shape),
    performs: plugin.workers.map(({ task, schema }) => ({ name: task, schema: schemaText(schema) })),
    announces: plugin.announces.map(shape),
    limits: { time: time ?? null, memory: memory ?? null, prefetch: prefetch ?? null, attempts: attempts ?? null },
  };
}

/** @param {string | Shape} given */
function shape(given) {
  if (typeof given === "string") return { name: given, schema: null };
  return { name: given.name, schema: schemaText(given.schema) };
}

/** @param {JsonSchema | undefined} schema */
function schemaText(schema) {
  return schema === undefined ? null : JSON.stringify(schema);
}
