import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "../cli/build.js";
import { bundle } from "../cli/bundle.js";
import { inspect } from "../cli/inspect.js";
import { read } from "../cli/project.js";
import { checkTypes } from "../cli/types.js";

const sdk = fileURLToPath(new URL("..", import.meta.url));

/**
 * A project for as long as the test runs.
 *
 * @param {import("node:test").TestContext} context
 * @param {Record<string, string>} files
 */
async function project(context, files) {
  const directory = await mkdtemp(path.join(tmpdir(), "leveret-plugin-test-"));
  context.after(() => rm(directory, { recursive: true }));
  await mkdir(path.join(directory, "node_modules", "@leveret"), { recursive: true });
  await symlink(sdk, path.join(directory, "node_modules", "@leveret", "plugin"));
  await symlink(path.join(sdk, "node_modules", "typescript"), path.join(directory, "node_modules", "typescript"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
    await writeFile(path.join(directory, name), text);
  }
  return directory;
}

const manifest = JSON.stringify({ name: "@acme/greeter", version: "1.4.2", description: "Greets people." });
const greeter = `
  import { definePlugin, subscribe, task } from "@leveret/plugin";
  const open = (name: string) => name;
  const greet = subscribe("user.authorized", ({ payload }) => task(open("greeting.send"), payload as { user: number }));
  export default definePlugin({ subscribers: [greet], emits: ["greeting.send"], healthy() {} });
`;

test("a project is read from its package.json", async (context) => {
  const directory = await project(context, { "package.json": manifest, "src/plugin.ts": greeter });
  const { name, version, summary, source } = await read(directory);
  assert.deepEqual(
    [name, version, summary, path.basename(source)],
    ["greeter", "1.4.2", "Greets people.", "plugin.ts"],
  );
});

test("the main source may be named, and is missed where there is none", async (context) => {
  const named = JSON.stringify({ name: "greeter", leveret: { source: "main.js" } });
  const directory = await project(context, { "package.json": named, "main.js": "" });
  assert.match((await read(directory)).source, /main\.js$/);
  const empty = await project(context, { "package.json": manifest });
  await assert.rejects(read(empty), /has no src\/plugin\.ts and no src\/plugin\.js/);
  await assert.rejects(read(path.join(empty, "else")), /there is no .*package\.json/);
});

test("a bundle exports what the author wrote", async (context) => {
  const directory = await project(context, { "package.json": manifest, "src/plugin.ts": greeter });
  const bundled = await bundle(await read(directory));
  assert.deepEqual(await inspect(bundled), { exported: ["manifest", "subscriber", "probe"], used: [] });
});

test("a bundle imports what its worker uses, and a subscriber uses nothing", async (context) => {
  /** @param {string} list */
  const found = async (list) => {
    const text = `
      import { definePlugin, perform, subscribe } from "@leveret/plugin";
      import { send } from "@leveret/plugin/http";
      import { open } from "@leveret/plugin/keyvalue";
      export default definePlugin({ ${list} });
    `;
    const directory = await project(context, { "package.json": manifest, "src/plugin.js": text });
    return inspect(await bundle(await read(directory)));
  };
  assert.deepEqual(await found('workers: [perform("a.do", () => {})]'), { exported: ["manifest", "worker"], used: [] });
  assert.deepEqual((await found('workers: [perform("a.do", () => void open("sent"))]')).used, ["keyvalue"]);
  assert.deepEqual((await found('workers: [perform("a.do", () => (send("a"), open("b"), []))]')).used, [
    "http",
    "keyvalue",
  ]);
  await assert.rejects(found('subscribers: [subscribe("a.b", () => void send("a"))]'), /only a worker has .*\/http/);
});

test("what cannot be bundled or loaded says why", async (context) => {
  /** @param {string} text */
  const fault = async (text) => {
    const directory = await project(context, { "package.json": manifest, "src/plugin.js": text });
    return inspect(await bundle(await read(directory)));
  };
  await assert.rejects(
    fault('import "node:fs";'),
    /src\/plugin\.js:1:8: Could not resolve "node:fs" \(a plugin runs in a sandbox/,
  );
  await assert.rejects(fault('throw new Error("boom")'), /the plugin cannot be loaded: boom/);
  await assert.rejects(fault("export default {}"), /not made by `definePlugin`/);
  const empty = 'import { definePlugin } from "@leveret/plugin"; export default definePlugin({});';
  await assert.rejects(fault(empty), /neither a subscriber nor a worker/);
});

test("what Node has and a component has not is told", async (context) => {
  const text = `import "@leveret/plugin"; console.log("loading"); new URL("https://example.org"); ${greeter}`;
  const directory = await project(context, { "package.json": manifest, "src/plugin.ts": text });
  await assert.rejects(build(directory, { check: false }), /but not in a component.*URL is not defined/);
});

test("types that do not fit are told", async (context) => {
  const tsconfig = JSON.stringify({ compilerOptions: { strict: true, lib: ["es2023"], types: [] }, include: ["src"] });
  const files = {
    "package.json": manifest,
    "tsconfig.json": tsconfig,
    "src/plugin.ts": "export const n: number = 'one';",
  };
  const directory = await project(context, files);
  await assert.rejects(checkTypes(await read(directory)), /the types do not fit:\nsrc\/plugin\.ts\(1,14\)/);
});

test("a project becomes a component with the exports that the author wrote", async (context) => {
  const directory = await project(context, { "package.json": manifest, "src/plugin.ts": greeter });
  const { file, size } = await build(directory);
  assert.equal(file, path.join(directory, "build", "greeter.wasm"));
  const component = await readFile(file);
  assert.equal(component.length, size);
  assert.deepEqual([...component.subarray(0, 8)], [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]);
  const text = component.toString("latin1");
  for (const name of ["manifest", "subscriber", "probe"])
    assert.ok(text.includes(`leveret:plugin/${name}@0.1.0`), name);
  assert.ok(!text.includes("leveret:plugin/recovery@0.1.0"));
});

test("a worker becomes a component that imports what it uses under its own name", async (context) => {
  const text = `
    import { definePlugin, perform } from "@leveret/plugin";
    import { send } from "@leveret/plugin/http";
    import { open } from "@leveret/plugin/keyvalue";
    const visit = perform("page.visit", () => open("pages").set("body", send("https://example.org").body));
    export default definePlugin({ workers: [visit] });
  `;
  const directory = await project(context, { "package.json": manifest, "src/plugin.js": text });
  const component = await readFile((await build(directory)).file, "latin1");
  for (const name of [
    "leveret:plugin/worker@0.1.0",
    "wasi:http/outgoing-handler@0.2.12",
    "wasi:keyvalue/store@0.2.0-draft",
  ])
    assert.ok(component.includes(name), name);
  assert.ok(!component.includes("leveret:plugin/subscriber@0.1.0"));
});
