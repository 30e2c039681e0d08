import { definePlugin, log, reject, subscribe, task } from "@leveret/plugin";
import * as v from "valibot";

const Payment = v.object({
  user: v.object({ email: v.string() }),
  amount: v.pipe(v.number(), v.integer()),
});

const thank = subscribe("org.payment.processed", Payment, ({ payload: { user, amount } }) => {
  if (amount === 0) throw reject("a payment of nothing");
  log.info(`${user.email} paid ${amount}`);
  return task("email.send", { to: user.email, template: "thanks" });
});

export default definePlugin({
  subscribers: [thank],
  emits: ["email.send"],
});
