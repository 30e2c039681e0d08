export { announce } from "./announcement.js";
export { definePlugin } from "./plugin.js";
export { Reject, Retry, reject, retry } from "./failure.js";
export { log } from "./log.js";
export { setting } from "./setting.js";
export { subscribe } from "./subscriber.js";
export { task } from "./task.js";
export { perform } from "./worker.js";
