// The component's engine has neither `TextEncoder` nor `TextDecoder`.

/**
 * A text in UTF-8. Half of a surrogate pair becomes U+FFFD.
 *
 * @param {string} text
 * @returns {Uint8Array}
 */
export function encode(text) {
  const bytes = new Uint8Array(text.length * 3);
  let end = 0;
  for (let at = 0; at < text.length; at++) {
    let code = /** @type {number} */ (text.codePointAt(at));
    if (code > 0xffff) at++;
    else if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
    if (code < 0x80) {
      bytes[end++] = code;
      continue;
    }
    if (code < 0x800) bytes[end++] = 0xc0 | (code >> 6);
    else {
      if (code < 0x10000) bytes[end++] = 0xe0 | (code >> 12);
      else {
        bytes[end++] = 0xf0 | (code >> 18);
        bytes[end++] = 0x80 | ((code >> 12) & 0x3f);
      }
      bytes[end++] = 0x80 | ((code >> 6) & 0x3f);
    }
    bytes[end++] = 0x80 | (code & 0x3f);
  }
  return bytes.slice(0, end);
}

/**
 * The text in bytes of UTF-8. Each longest beginning of a character that breaks off, and each other byte that fits
 * nowhere, becomes U+FFFD, as browsers have it.
 *
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function decode(bytes) {
  const parts = [];
  /** @type {number[]} */
  let codes = [];
  for (let at = 0; at < bytes.length; ) {
    const [code, length] = character(bytes, at);
    codes.push(code);
    at += length;
    // No more at once than an engine takes as arguments.
    if (codes.length === 4096) {
      parts.push(String.fromCodePoint(...codes));
      codes = [];
    }
  }
  return parts.join("") + String.fromCodePoint(...codes);
}

/**
 * The character that begins at a byte, and of how many bytes it is.
 *
 * @param {Uint8Array} bytes
 * @param {number} at
 * @returns {[code: number, length: number]}
 */
function character(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return [first, 1];
  if (first < 0xc2 || first > 0xf4) return [0xfffd, 1];
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  let code = first & (0x7f >> length);
  for (let index = 1; index < length; index++) {
    const next = bytes[at + index];
    const [least, most] = index === 1 ? second(first) : [0x80, 0xbf];
    if (!(next >= least && next <= most)) return [0xfffd, index];
    code = (code << 6) | (next & 0x3f);
  }
  return [code, length];
}

/**
 * What may follow a first byte, so that there is neither a longer form than needed, nor a surrogate, nor more than
 * U+10FFFF.
 *
 * @param {number} first
 */
function second(first) {
  if (first === 0xe0) return [0xa0, 0xbf];
  if (first === 0xed) return [0x80, 0x9f];
  if (first === 0xf0) return [0x90, 0xbf];
  if (first === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}
