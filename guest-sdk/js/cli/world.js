import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { disguise } from "./disguise.js";

const contract = fileURLToPath(new URL("../wit", import.meta.url));
const random = fileURLToPath(new URL("../wasi/random.wit", import.meta.url));

/** What every component imports, by the name that the bundle's `leveret$open` knows it by. */
const always = {
  log: "leveret:plugin/log@0.1.0",
  store: "wasi:config/store@0.2.0-rc.1",
  random: "wasi:random/random@0.2.0",
  insecure: "wasi:random/insecure@0.2.0",
};

/** What only those import whose plugin uses it, since the operator must grant it. */
const granted = {
  http: { types: "wasi:http/types@0.2.12", outgoing: "wasi:http/outgoing-handler@0.2.12" },
  keyvalue: { store: "wasi:keyvalue/store@0.2.0-draft", atomics: "wasi:keyvalue/atomics@0.2.0-draft" },
};

/**
 * What a component has of the contract, as the author's plugin asks for it.
 *
 * @typedef {object} Shape
 * @property {string[]} exported the interfaces that it exports
 * @property {(keyof typeof granted)[]} used what it imports beside what every component does
 */

/**
 * The imports of a component, as `leveret$open` takes them.
 *
 * @param {Shape} shape
 * @returns {Record<string, string | Record<string, string>>}
 */
export function imports({ used }) {
  return { ...always, ...Object.fromEntries(used.map((name) => [name, granted[name]])) };
}

/**
 * Runs `use` with a directory that holds the contract and a world of just this shape, and with the world's name.
 *
 * @template T
 * @param {Shape} shape
 * @param {(directory: string, world: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withWorld(shape, use) {
  const directory = await mkdtemp(path.join(tmpdir(), "leveret-plugin-"));
  try {
    await cp(contract, directory, { recursive: true, dereference: true });
    await cp(random, path.join(directory, "deps", "wasi-random", "random.wit"));
    await writeFile(path.join(directory, "component.wit"), world(shape));
    if (shape.used.includes("http")) await disguise(directory);
    return await use(directory, "component");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** @param {Shape} shape */
function world(shape) {
  const all = Object.values(imports(shape)).flatMap((one) => (typeof one === "string" ? [one] : Object.values(one)));
  // The contract's own interfaces go by their short names here, since the world is in the contract's package.
  const imported = all.map((name) => name.replace(/^leveret:plugin\/(.*)@.*$/, "$1"));
  const items = [...imported.map((name) => `import ${name};`), ...shape.exported.map((name) => `export ${name};`)];
  return `world component {\n    ${items.join("\n    ")}\n}\n`;
}
