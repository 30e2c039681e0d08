import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Fault } from "./fault.js";

/**
 * Checks a project's types, if it has a `tsconfig.json` and the package `typescript`.
 *
 * @param {import("./project.js").Project} project
 */
export async function checkTypes({ directory }) {
  const compiler = path.join(directory, "node_modules", "typescript", "bin", "tsc");
  if (!existsSync(path.join(directory, "tsconfig.json")) || !existsSync(compiler)) return;
  try {
    await promisify(execFile)(process.execPath, [compiler, "--noEmit", "--pretty", "false"], { cwd: directory });
  } catch (error) {
    throw new Fault(`the types do not fit:\n${error.stdout || error.message}`.trimEnd());
  }
}
