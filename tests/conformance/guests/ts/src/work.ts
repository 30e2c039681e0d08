import { type Assignment, type Results, announce, perform, reject, retry, setting, task } from "@leveret/plugin";
import { objectWithN, Typed } from "./shapes.ts";
import { seen } from "./seen.ts";

/** What an order may say beside `do`. */
interface Order {
  do: string;
  count: number;
  reason: string;
  after?: number;
  name: string;
}

type Deed = (order: Order, assignment: Assignment) => Results;

const deeds: Record<string, Deed> = {
  facts: (_, { name, id, tid, time, attempt, key, headers }) =>
    announce("report.made", { name, id, tid, time: time.getTime(), attempt, key, headers }),

  *announce({ count }) {
    for (let number = 1; number <= count; number++) yield announce("echo.made", { number });
  },

  *create({ count }) {
    for (let number = 1; number <= count; number++) yield task("echo.make", { number });
  },

  both: () => [
    announce("echo.made", {}, { headers: { colour: "blue" } }),
    task("echo.make", {}, { key: "k-1", headers: { colour: "green" } }),
  ],

  undeclared: () => announce("other.made", {}),

  misshapen: () => announce("shape.made", { n: "one" }),

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

  world: () => announce("report.made", seen()),

  setting: ({ name }) => announce("report.made", { value: setting(name) ?? null }),
};

export const workers = [
  perform("text.echo", ({ payload }) => announce("echo.made", payload)),

  perform("account.check", Typed, ({ payload: { email, amount } }) => announce("echo.made", { email, amount })),

  perform("shape.check", { schema: objectWithN }, () => {}),

  perform("order.obey", (assignment) => {
    const order = assignment.payload as Order;
    const deed = deeds[order.do];
    if (!deed) throw reject(`nothing to do: ${order.do}`);
    return deed(order, assignment);
  }),
];
