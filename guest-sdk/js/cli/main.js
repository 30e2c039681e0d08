#!/usr/bin/env node
import { parseArgs } from "node:util";
import { build } from "./build.js";
import { Fault } from "./fault.js";

const usage = `Builds a Leveret plugin from TypeScript or JavaScript.

Usage: leveret-plugin build [DIR] [--out FILE] [--no-check] [--small]

  DIR         the project, with its package.json [default: .]
  --out FILE  where the component goes [default: DIR/build/<name>.wasm]
  --no-check  do not check the types
  --small     take the engine that is a third smaller: it is compiled sooner, and runs slower`;

try {
  await run(process.argv.slice(2));
} catch (error) {
  const known = error instanceof Fault || (error instanceof TypeError && "code" in error);
  console.error(`error: ${known ? error.message : error instanceof Error ? error.stack : error}`);
  process.exitCode = 1;
}

/** @param {string[]} args */
async function run(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      out: { type: "string" },
      "no-check": { type: "boolean" },
      small: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [command, directory = ".", ...more] = positionals;
  if (values.help) return console.log(usage);
  if (command !== "build" || more.length > 0)
    throw new Fault(`not a command: ${args.join(" ") || "nothing"}\n\n${usage}`);
  const started = performance.now();
  const { file, size } = await build(directory, { out: values.out, check: !values["no-check"], small: values.small });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${file}, ${Math.round(size / 1024)} KiB, in ${seconds} s`);
}
