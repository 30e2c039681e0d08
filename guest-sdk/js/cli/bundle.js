import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { undercover } from "./disguise.js";
import { Fault } from "./fault.js";
import { imports } from "./world.js";

const sdk = fileURLToPath(new URL("../src/", import.meta.url));

/**
 * A plugin in one module, which exports it as `plugin`, what it `leveret$used` of what the operator grants, and
 * `leveret$open`, which makes the component's exports of the imports. Whatever the author's packages call their things,
 * none begins so.
 *
 * @typedef {object} Bundle
 * @property {string} text
 * @property {(shape: import("./world.js").Shape) => string} component the component's source: the module, opened
 */

/**
 * Puts a project's sources and what they import into one module.
 *
 * @param {import("./project.js").Project} project
 * @returns {Promise<Bundle>}
 */
export async function bundle({ directory, source, version, summary }) {
  const entry = `
    import { reach } from ${JSON.stringify(`${sdk}world.js`)};
    import { component } from ${JSON.stringify(`${sdk}component.js`)};
    import { used } from ${JSON.stringify(`${sdk}host.js`)};
    import plugin from ${JSON.stringify(source)};
    export { plugin, used as leveret$used };
    const project = ${JSON.stringify({ version, summary })};
    export const leveret$open = (imports) => component(plugin, project, () => reach(imports));
  `;
  const text = await bundled({
    stdin: { contents: entry, resolveDir: directory, sourcefile: "component" },
    absWorkingDir: directory,
    bundle: true,
    format: "esm",
    target: "es2023",
    platform: "neutral",
    mainFields: ["module", "main"],
    // Many packages ask this at their top, where there is no `process` to ask.
    define: { "process.env.NODE_ENV": '"production"' },
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
  });
  return { text, component: (shape) => `${text}${opening(shape)}` };
}

/** @param {import("esbuild").BuildOptions} options */
async function bundled(options) {
  try {
    const { outputFiles } = await build({ ...options, write: false });
    return outputFiles[0].text;
  } catch (error) {
    if (!error.errors) throw error;
    throw new Fault(error.errors.map(described).join("\n"));
  }
}

/** @param {import("esbuild").Message} message */
function described({ text, location }) {
  const place = location ? `${location.file}:${location.line}:${location.column + 1}: ` : "";
  const [, missing = ""] = /^Could not resolve "(.*)"/.exec(text) ?? [];
  const advice = isBuiltin(missing) ? " (a plugin runs in a sandbox, which has none of Node's modules)" : "";
  return `${place}${text}${advice}`;
}

/**
 * The end of the component's source, where the imports of its world are.
 *
 * @param {import("./world.js").Shape} shape
 */
function opening(shape) {
  /** @type {string[]} */
  const lines = [];
  /** @type {(name: string, module: string | Record<string, string>) => string} */
  const opened = (name, module) => {
    if (typeof module === "string") {
      lines.push(`import leveret$${name} from "${undercover(module)}";`);
      return `leveret$${name}`;
    }
    const parts = Object.entries(module).map(([part, one]) => `${part}: ${opened(`${name}$${part}`, one)}`);
    return `{ ${parts.join(", ")} }`;
  };
  const given = Object.entries(imports(shape)).map(([name, module]) => `${name}: ${opened(name, module)}`);
  lines.push(`export const { ${shape.exported.join(", ")} } = leveret$open({ ${given.join(", ")} });`, "");
  return lines.join("\n");
}
