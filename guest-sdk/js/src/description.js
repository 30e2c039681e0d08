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
    performs: [],
    announces: [],
    limits: { time: time ?? null, memory: memory ?? null, prefetch: prefetch ?? null, attempts: attempts ?? null },
  };
}

/** @param {string | Shape} emitted */
function shape(emitted) {
  if (typeof emitted === "string") return { name: emitted, schema: null };
  return { name: emitted.name, schema: schemaText(emitted.schema) };
}

/** @param {JsonSchema | undefined} schema */
function schemaText(schema) {
  return schema === undefined ? null : JSON.stringify(schema);
}
