import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

// componentize-qjs runs a component once as it builds it. It gives the component a WASI of its own then, and stubs for
// all else. So `wasi:http` would be a stub, and not fit that WASI's streams, which it shares: the component would not link.
// Under names that nobody knows they are all stubs, and fit. Once the component is built, its imports get their own names.
// The engine has imports of `wasi:io` and `wasi:clocks`, too, and no two may have one name: these are of another version,
// which is the same to a host.

const real = /\bwasi:(http|io|clocks)(\/[a-z-]+)?@0\.2\.12\b/g;
const prefix = "lasi:";

/**
 * A name of `wasi:http` or of what it needs as it is while the component is built.
 *
 * @param {string} text
 */
export function undercover(text) {
  return text.replace(real, (_, of, one = "") => `${prefix}${of}${one}@${of === "http" ? "0.2.12" : "0.2.10"}`);
}

/**
 * Renames them in a directory of WIT.
 *
 * @param {string} directory
 */
export async function disguise(directory) {
  const names = await readdir(directory, { recursive: true });
  for (const file of names.filter((name) => name.endsWith(".wit")).map((name) => path.join(directory, name))) {
    await writeFile(file, undercover(await readFile(file, "utf8")));
  }
}

/**
 * A component whose imports have their own names again. They are as long, so that nothing else changes.
 *
 * @param {Uint8Array} component
 * @returns {Uint8Array}
 */
export function undisguised(component) {
  const bytes = Buffer.from(component);
  for (const imports of sections(bytes, 10)) {
    for (let at = imports.indexOf(prefix); at >= 0; at = imports.indexOf(prefix, at)) imports.write("wasi:", at);
  }
  return bytes;
}

/**
 * A component's own sections of one kind.
 *
 * @param {Buffer} bytes
 * @param {number} kind
 */
function* sections(bytes, kind) {
  // After the magic number and the version, each section is a byte for its kind, its size in LEB128, and its content.
  for (let at = 8; at < bytes.length; ) {
    const found = bytes[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      size += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (found === kind) yield bytes.subarray(at, at + size);
    at += size;
  }
}
