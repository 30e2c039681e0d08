/**
 * The contract's error in what an import threw, which the engine wraps in an error of its own; or what else it is.
 *
 * @param {unknown} thrown
 * @returns {unknown}
 */
export function contractError(thrown) {
  return thrown instanceof Error && "payload" in thrown ? thrown.payload : thrown;
}
