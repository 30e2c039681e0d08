import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { componentize } from "componentize-qjs";
import { bundle } from "./bundle.js";
import { undisguised } from "./disguise.js";
import { Fault } from "./fault.js";
import { inspect } from "./inspect.js";
import { read } from "./project.js";
import { checkTypes } from "./types.js";
import { withWorld } from "./world.js";

/** How componentize-qjs says that a module threw while it was loaded. */
const notLoaded = /Failed to (?:finish|evaluate) JavaScript module(?: evaluation)?: (.*)$/s;

/**
 * Builds a project's component.
 *
 * @param {string} directory the project's
 * @param {object} [options]
 * @param {string} [options.out] where the component goes
 * @param {boolean} [options.check] whether types are checked
 * @param {boolean} [options.small] whether the engine is the smaller and slower one
 * @returns {Promise<{ file: string, size: number }>} where it is, and its bytes
 * @throws {Fault} what the author can mend
 */
export async function build(directory, { out, check = true, small = false } = {}) {
  const project = await read(directory);
  const [component] = await Promise.all([compile(project, small), check && checkTypes(project)]);
  const file = out ?? path.join(directory, "build", `${project.name}.wasm`);
  await mkdir(path.dirname(file), { recursive: true });
  // In one step, so that nobody who watches the file sees half of it.
  const half = `${file}.${process.pid}`;
  await writeFile(half, component);
  await rename(half, file);
  return { file, size: component.length };
}

/**
 * @param {import("./project.js").Project} project
 * @param {boolean} small
 */
async function compile(project, small) {
  const source = await bundle(project);
  const shape = await inspect(source);
  return withWorld(shape, async (witPath, world) => {
    try {
      const jsSource = source.component(shape);
      const { component } = await componentize({ witPath, world, jsSource, sync: true, optSize: small });
      return undisguised(component);
    } catch (error) {
      const [, reason] = notLoaded.exec(error.message) ?? [];
      if (reason === undefined) throw error;
      throw new Fault(
        `the plugin can be loaded here, but not in a component, which has none of Node's globals: ${reason}`,
      );
    }
  });
}
