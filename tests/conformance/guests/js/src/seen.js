/** What a handler sees of the world. */
export const seen = () => ({
  now: Date.now(),
  random: Array.from({ length: 4 }, () => Math.floor(Math.random() * 2 ** 32)),
  entropy: Array.from(crypto.getRandomValues(new Uint32Array(4))),
});
