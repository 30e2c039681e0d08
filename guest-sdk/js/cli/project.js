import { access, readFile, realpath } from "node:fs/promises";
import path from "node:path";
import { Fault } from "./fault.js";

/**
 * What `package.json` says of a plugin.
 *
 * @typedef {object} Project
 * @property {string} directory
 * @property {string} name the component's file name
 * @property {string} version
 * @property {string} summary
 * @property {string} source the main source's path
 */

const sources = ["src/plugin.ts", "src/plugin.js"];

/**
 * Reads a project.
 *
 * @param {string} directory
 * @returns {Promise<Project>}
 */
export async function read(directory) {
  const manifest = await readManifest(path.join(directory, "package.json"));
  const { name, version = "0.0.0", description = "", leveret = {} } = manifest;
  if (typeof name !== "string") throw new Fault(`${directory}/package.json has no name`);
  const source = await mainSource(directory, leveret.source);
  return {
    directory: await realpath(directory),
    name: name.replace(/^@[^/]*\//, ""),
    version,
    summary: description,
    source,
  };
}

/** @param {string} file */
async function readManifest(file) {
  const text = await readFile(file, "utf8").catch(() => {
    throw new Fault(`there is no ${file}`);
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Fault(`${file}: ${error.message}`);
  }
}

/**
 * @param {string} directory
 * @param {string | undefined} given
 */
async function mainSource(directory, given) {
  const candidates = given === undefined ? sources : [given];
  for (const candidate of candidates) {
    const file = path.resolve(directory, candidate);
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return realpath(file);
  }
  throw new Fault(
    `${directory} has no ${candidates.join(" and no ")}; \`leveret.source\` in package.json may name another`,
  );
}
