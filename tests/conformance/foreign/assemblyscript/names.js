// The contract's names of what a plugin exports, which AssemblyScript has no syntax for.

import binaryen from "binaryen";

const NAMES = {
  describe: "leveret:plugin/manifest@0.1.0#describe",
  onEvent: "leveret:plugin/subscriber@0.1.0#on-event",
};

export function afterCompile(module) {
  for (const [name, exported] of Object.entries(NAMES)) {
    const { value } = binaryen.getExportInfo(module.getExport(name));
    module.removeExport(name);
    module.addFunctionExport(value, exported);
  }
}
