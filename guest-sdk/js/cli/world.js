import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const contract = fileURLToPath(new URL("../wit", import.meta.url));
const random = fileURLToPath(new URL("../wasi/random.wit", import.meta.url));

/** What a component imports, by the name that the bundle's `leveret$open` knows it by. */
export const imports = {
  log: "leveret:plugin/log@0.1.0",
  store: "wasi:config/store@0.2.0-rc.1",
  random: "wasi:random/random@0.2.0",
  insecure: "wasi:random/insecure@0.2.0",
};

/**
 * Runs `use` with a directory that holds the contract and a world with just these exports, and with the world's name.
 *
 * @template T
 * @param {string[]} exported interfaces of the contract
 * @param {(directory: string, world: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withWorld(exported, use) {
  const directory = await mkdtemp(path.join(tmpdir(), "leveret-plugin-"));
  try {
    await cp(contract, directory, { recursive: true, dereference: true });
    await cp(random, path.join(directory, "deps", "wasi-random", "random.wit"));
    await writeFile(path.join(directory, "component.wit"), world(exported));
    return await use(directory, "component");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** @param {string[]} exported */
function world(exported) {
  // The contract's own interfaces go by their short names here, since the world is in the contract's package.
  const imported = Object.values(imports).map((name) => name.replace(/^leveret:plugin\/(.*)@.*$/, "$1"));
  const items = [...imported.map((name) => `import ${name};`), ...exported.map((name) => `export ${name};`)];
  return `world component {\n    ${items.join("\n    ")}\n}\n`;
}
