import { type Event, type Tasks, log, reject, retry, setting, subscribe, task } from "@leveret/plugin";
import { seen } from "./seen.ts";

/** What an order may say beside `do`. */
interface Order {
  do: string;
  count: number;
  size: number;
  reason: string;
  after?: number;
  name: string;
}

type Deed = (order: Order, event: Event) => Tasks;

let calls = 0;

const deeds: Record<string, Deed> = {
  facts: (_, { name, id, tid, time, source, headers }) =>
    task("report.make", { name, id, tid, time: time.getTime(), source, headers }),

  *emit({ count, size }) {
    for (let number = 1; number <= count; number++) yield task("echo.make", { number, padding: "x".repeat(size) });
  },

  key: () => task("echo.make", {}, { key: "k-1", headers: { colour: "blue" } }),

  undeclared: () => task("other.make", {}),

  misshapen: () => task("shape.make", { n: "one" }),

  retry({ reason, after }) {
    throw after === undefined ? retry(reason) : retry(reason).after(after);
  },

  reject({ reason }) {
    throw reject(reason);
  },

  error() {
    throw new Error("boom");
  },

  panic() {
    const nothing = undefined as unknown as { boom(): void };
    nothing.boom();
  },

  loop() {
    for (;;);
  },

  memory() {
    const taken: Uint8Array[] = [];
    for (;;) taken.push(new Uint8Array(1024 * 1024).fill(1));
  },

  recurse() {
    const deeper = (depth: number): number => deeper(depth + 1) + 1;
    return task("report.make", { depth: deeper(0) });
  },

  log() {
    log.trace("a trace line");
    log.debug("a debug line");
    log.info("an info line");
    log.warn("a warn line");
    log.error("an error line");
    console.log("a printed line");
    console.warn("a complaint");
  },

  world: () => task("report.make", seen()),

  reach: () =>
    task("report.make", {
      file: "require" in globalThis || "std" in globalThis,
      environment: "process" in globalThis,
      network: "fetch" in globalThis || "WebSocket" in globalThis,
    }),

  setting: ({ name }) => task("report.make", { value: setting(name) ?? null }),

  state: () => task("report.make", { calls: ++calls }),
};

export const asked = subscribe("conformance.asked", (event) => {
  const order = event.payload as Order;
  const deed = deeds[order.do];
  if (!deed) throw reject(`nothing to do: ${order.do}`);
  return deed(order, event);
});
