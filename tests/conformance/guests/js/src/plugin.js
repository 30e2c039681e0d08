import { definePlugin, reject, setting, subscribe, task } from "@leveret/plugin";
import { asked } from "./asked.js";
import { integerN, objectWithN, Typed } from "./shapes.js";
import { workers } from "./work.js";

const echoed = subscribe("conformance.echoed", ({ payload }) => task("echo.make", payload));

const typed = subscribe("conformance.typed", Typed, ({ payload: { email, amount } }) =>
  task("echo.make", { email, amount }),
);

const shaped = subscribe("conformance.shaped", { schema: objectWithN }, () => {});

export default definePlugin({
  subscribers: [asked, echoed, typed, shaped],
  workers,
  emits: ["echo.make", "report.make", { name: "shape.make", schema: integerN }],
  announces: ["echo.made", "report.made", { name: "shape.made", schema: integerN }],
  limits: { time: 5_000, memory: 128 * 1024 * 1024, prefetch: 7, attempts: 4 },
  recover(message, attempts) {
    if (message.payload?.recover === "fail") throw reject("no way out");
    return task("report.make", {
      recovered: message.id,
      attempts: attempts.map((attempt) => ({ ...attempt, time: attempt.time.getTime() })),
    });
  },
  timetable: [
    { event: "report.made", cron: "30 8 * * MON-FRI", zone: "Europe/Berlin", missed: "skip" },
    { event: "echo.made", every: 90_000, offset: 7_000 },
    { event: "shape.made", at: new Date(5_000), missed: "all" },
  ],
  healthy() {
    const ill = setting("ill");
    if (ill !== undefined) throw new Error(ill);
  },
});
