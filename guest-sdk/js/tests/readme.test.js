import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundle } from "../cli/bundle.js";
import { inspect } from "../cli/inspect.js";
import { checkTypes } from "../cli/types.js";

const sdk = fileURLToPath(new URL("..", import.meta.url));

test("the README's plugins compile, too", async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), "leveret-plugin-test-"));
  context.after(() => rm(directory, { recursive: true }));
  await mkdir(path.join(directory, "node_modules", "@leveret"), { recursive: true });
  await symlink(sdk, path.join(directory, "node_modules", "@leveret", "plugin"));
  for (const name of ["typescript", "valibot"]) {
    await symlink(path.join(sdk, "node_modules", name), path.join(directory, "node_modules", name));
  }
  await writeFile(
    path.join(directory, "tsconfig.json"),
    await readFile(path.join(sdk, "template-ts", "tsconfig.json"), "utf8"),
  );
  await mkdir(path.join(directory, "src"));
  await writeFile(path.join(directory, "src", "user.schema.json"), '{ "type": "object" }');

  const readme = await readFile(path.join(sdk, "README.md"), "utf8");
  const examples = [...readme.matchAll(/^```[jt]s\n(.*?)^```/gms)].map(([, text]) => text);
  const plugins = examples.filter((text) => text.includes("definePlugin"));
  assert.equal(plugins.length, 5);
  for (const [index, text] of plugins.entries()) {
    const source = path.join(directory, "src", `plugin-${index}.ts`);
    await writeFile(source, text);
    const bundled = await bundle({ directory, source, name: "readme", version: "1", summary: "" });
    assert.ok((await inspect(bundled)).exported.length > 1);
  }
  await checkTypes({ directory, source: "", name: "readme", version: "1", summary: "" });
});
