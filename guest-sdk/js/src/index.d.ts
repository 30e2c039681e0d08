/** Write Leveret plugins in TypeScript or JavaScript. */

/** What validates a payload: any Standard Schema, such as one of valibot or zod. */
export interface Validator<Payload> {
  readonly "~standard": {
    readonly validate: (value: unknown) => Validated<Payload> | Promise<Validated<Payload>>;
    readonly types?: { readonly input: unknown; readonly output: Payload } | undefined;
  };
}

type Validated<Payload> =
  { readonly value: Payload; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = object | boolean;

/** A notice that something happened. */
export interface Event<Payload = unknown> {
  /** The full name, such as `org.payment.processed`. */
  readonly name: string;
  /** What makes it the same event, however often it is delivered. */
  readonly id: string;
  /** The transaction ID: the same on everything that one first event causes. */
  readonly tid: string;
  /** When it was published. */
  readonly time: Date;
  /** The application that published it, where it says so. Anyone can claim anything here: do not base trust on it. */
  readonly source: string | null;
  /** Headers that the fields above do not foresee. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the publisher says about it. */
  readonly payload: Payload;
}

/** An order to change state, for the plugin's own application. Made by {@link task}. */
export interface Task {
  /** The name within the application: `email.send` in application `pheidi` is `pheidi.email.send`. */
  readonly name: string;
  /** Anything that `JSON.stringify` can write. */
  readonly payload: unknown;
  /** The ordering key. */
  readonly key?: string | undefined;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What a task may carry beside its payload. */
export interface TaskOptions {
  /** Tasks of one key are performed one at a time and in order, where the worker asks for it. At most 255 bytes. */
  readonly key?: string | undefined;
  /** Further headers. Names that begin with `x-leveret-`, `leveret-` or `x-death` are the host's. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Creates a task. It counts once the handler returns it. */
export function task(name: string, payload: unknown, options?: TaskOptions): Task;

/** What a handler may return: nothing, a task, or several. A generator may yield them. Never a promise. */
export type Tasks = void | undefined | null | Task | Iterable<Task>;

/** An event that a worker announces. Made by {@link announce}. */
export interface Announcement {
  /** The event's full name, such as `email.sent`. */
  readonly event: string;
  /** Anything that `JSON.stringify` can write. */
  readonly payload: unknown;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What an announcement may carry beside its payload. */
export interface AnnouncementOptions {
  /** Further headers. Names that begin with `x-leveret-`, `leveret-` or `x-death` are the host's. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Announces an event. It counts once the worker's handler returns it. */
export function announce(event: string, payload: unknown, options?: AnnouncementOptions): Announcement;

/** What a worker's handler may return: events, and further tasks of the own application. Never a promise. */
export type Results = void | undefined | null | Announcement | Task | Iterable<Announcement | Task>;

/** What a handler wants of its payloads. */
export interface PayloadOptions<Payload> {
  /** Reads the payload into the handler's type. A misfit is rejected with the path to it. */
  readonly payload?: Validator<Payload> | undefined;
  /** What the host checks before it runs the plugin. A misfit becomes a dead letter that says where. */
  readonly schema?: JsonSchema | undefined;
}

/** A function and the event that it wants. Made by {@link subscribe}. */
export interface Subscriber<Payload = any> {
  readonly event: string;
  readonly schema?: JsonSchema | undefined;
  readonly payload?: Validator<Payload> | undefined;
  readonly handler: (event: Event<Payload>) => Tasks;
}

/**
 * Makes a function the subscriber of one event. List it under `subscribers` in {@link definePlugin}.
 *
 * @param event the event's full name, such as `org.payment.processed`
 * @param payload what reads the payload into the handler's type; `unknown` without it
 * @throws {TypeError} if the handler is async
 */
export function subscribe(event: string, handler: (event: Event) => Tasks): Subscriber<unknown>;
export function subscribe<Payload>(
  event: string,
  payload: Validator<Payload>,
  handler: (event: Event<Payload>) => Tasks,
): Subscriber<Payload>;
export function subscribe<Payload = unknown>(
  event: string,
  options: PayloadOptions<Payload>,
  handler: (event: Event<Payload>) => Tasks,
): Subscriber<Payload>;

/** A function and the task that it performs. Made by {@link perform}. */
export interface Worker<Payload = any> {
  readonly task: string;
  readonly schema?: JsonSchema | undefined;
  readonly payload?: Validator<Payload> | undefined;
  readonly handler: (task: Assignment<Payload>) => Results;
}

/**
 * Makes a function the worker of one task. List it under `workers` in {@link definePlugin}. It may be called again for
 * a task that it performed already, if the host or the broker died in between.
 *
 * @param task the task's name within the application: `email.send` in application `pheidi` is `pheidi.email.send`
 * @param payload what reads the payload into the handler's type; `unknown` without it
 * @throws {TypeError} if the handler is async
 */
export function perform(task: string, handler: (task: Assignment) => Results): Worker<unknown>;
export function perform<Payload>(
  task: string,
  payload: Validator<Payload>,
  handler: (task: Assignment<Payload>) => Results,
): Worker<Payload>;
export function perform<Payload = unknown>(
  task: string,
  options: PayloadOptions<Payload>,
  handler: (task: Assignment<Payload>) => Results,
): Worker<Payload>;

/** Throw it to have the message tried again. Made by {@link retry}. */
export class Retry extends Error {
  /** The wait in milliseconds, if {@link Retry.after} gave one. */
  readonly delay: number | undefined;
  /**
   * Waits this long instead of what the operator's retry policy says.
   *
   * @throws {RangeError} if it is negative or not a number
   */
  after(milliseconds: number): this;
}

/** Throw it to have the message made a dead letter at once. Made by {@link reject}. */
export class Reject extends Error {}

/**
 * A failure that may be gone later: `throw retry("the rates are not there yet").after(60_000)`. An error as the reason
 * is its cause. Whatever else is thrown counts as a retry, too, with its text as the reason.
 */
export function retry(reason: unknown): Retry;

/** A failure for good: `throw reject("a payment of nothing")`. An error as the reason is its cause. */
export function reject(reason: unknown): Reject;

/** A message that failed for good. */
export type Message = ({ readonly kind: "event" } & Event) | ({ readonly kind: "task" } & Assignment);

/** A task as its worker received it. */
export interface Assignment<Payload = unknown> {
  /** The name within the application. */
  readonly name: string;
  /** What makes it the same task, however often it is delivered. Use it to perform a task once. */
  readonly id: string;
  /** The transaction ID: the same on everything that one first event causes. */
  readonly tid: string;
  /** When it was created. */
  readonly time: Date;
  /** The number of this attempt, from 1; to `recover` that of the last. Only failures of the handler count. */
  readonly attempt: number;
  /** The ordering key, if its creator gave one. */
  readonly key: string | null;
  /** Headers that the fields above do not foresee. */
  readonly headers: Readonly<Record<string, string>>;
  /** What its creator gave. */
  readonly payload: Payload;
}

/** One attempt that failed. */
export interface FailedAttempt {
  /** Its number, from 1. */
  readonly attempt: number;
  /** When it ended. */
  readonly time: Date;
  /** The version that ran. */
  readonly version: string;
  /** Why it failed. */
  readonly reason: string;
}

/** A task that the plugin may create or an event that it may announce, and what its payloads look like. */
export interface Shape {
  /** A task's name within the application, or an event's full name. */
  readonly name: string;
  /** A payload that does not fit fails the delivery, as a retry. */
  readonly schema?: JsonSchema | undefined;
}

/** What a plugin asks for. The operator's limits come first. */
export interface Limits {
  /** The longest a delivery may take, in milliseconds. */
  readonly time?: number | undefined;
  /** The most memory a delivery may use, in bytes. */
  readonly memory?: number | undefined;
  /** How many messages of one subscription may be in work at a time, 1 to 65,535. */
  readonly prefetch?: number | undefined;
  /** After how many failed attempts a message becomes a dead letter, at least 1. */
  readonly attempts?: number | undefined;
}

/**
 * An event that the host announces because time has come, and when: by one of `cron`, `every` and `at`. What is announced is an
 * object with the `tick`, the `period`, and how many ticks were `missed` before it.
 */
export interface TimedEvent {
  /** The event's full name, one of those under `announces`. */
  readonly event: string;
  /** Whenever this cron expression fits: five fields such as `30 8 * * MON-FRI`, or six, the first of which are seconds. */
  readonly cron?: string | undefined;
  /** Each time that so many milliseconds have passed: whole seconds, from one second to 100 years. */
  readonly every?: number | undefined;
  /** How many milliseconds after the full hour, day and so on the first of `every` begins. Default: 0. */
  readonly offset?: number | undefined;
  /** Once, at this moment. */
  readonly at?: Date | undefined;
  /** The time zone whose clocks it goes by, such as `Europe/Berlin`. Default: UTC. */
  readonly zone?: string | undefined;
  /**
   * What becomes of ticks that came while no host ran the plugin: none of them is announced, the newest for all, or each of
   * them, the newest 10,000 at the most. Default: `once`.
   */
  readonly missed?: "skip" | "once" | "all" | undefined;
}

/** What a plugin is and wants. */
export interface PluginOptions {
  /** The version, for people. Default: that of `package.json`. */
  readonly version?: string | undefined;
  /** What the plugin does, in one line. Default: the description in `package.json`. */
  readonly summary?: string | undefined;
  /** The plugin's {@link subscribe} functions, one for each event at most. */
  readonly subscribers?: readonly Subscriber[] | undefined;
  /** The plugin's {@link perform} functions, one for each task at most. */
  readonly workers?: readonly Worker[] | undefined;
  /** The tasks that the plugin may create, relative to its application. */
  readonly emits?: readonly (string | Shape)[] | undefined;
  /** The events that the plugin's workers and its timetable may announce, by their full names. */
  readonly announces?: readonly (string | Shape)[] | undefined;
  /** What the plugin asks for. */
  readonly limits?: Limits | undefined;
  /**
   * Called once for a message that failed for good, before it becomes a dead letter. Its tasks are published as a
   * handler's are. What it throws is recorded and changes nothing.
   */
  readonly recover?: ((message: Message, attempts: readonly FailedAttempt[]) => Tasks) | undefined;
  /** Asked before an open breaker lets messages through again. What it throws is the reason, for the operator. */
  readonly healthy?: (() => undefined | void) | undefined;
  /** The events that the host announces because time has come: at most 100, each event once. */
  readonly timetable?: readonly TimedEvent[] | undefined;
}

/** A plugin: the default export of its main source. Made by {@link definePlugin}. */
export interface Plugin extends PluginOptions {
  readonly subscribers: readonly Subscriber[];
  readonly workers: readonly Worker[];
  readonly emits: readonly (string | Shape)[];
  readonly announces: readonly (string | Shape)[];
  readonly limits: Limits;
  readonly timetable: readonly TimedEvent[];
}

/**
 * Makes a plugin. Export it as the default of the main source.
 *
 * @throws {TypeError} if there are two handlers of one event or task, a limit is not a whole number, the timetable says no
 *   moment, or a function is async
 */
export function definePlugin(options: PluginOptions): Plugin;

/**
 * What the operator set under `[plugin.<name>.settings]`, if anything. There is nothing while the plugin is built and
 * described, so read settings in a handler and not at the top of a module.
 */
export function setting(name: string): string | undefined;

/** Writes lines for the operator. Values that are not text are written as JSON. */
export const log: {
  /** Every step; off unless asked for. */
  trace(...values: unknown[]): void;
  /** What helps to find a fault; off unless asked for. */
  debug(...values: unknown[]): void;
  /** What happened. */
  info(...values: unknown[]): void;
  /** Something is odd, and the work goes on. */
  warn(...values: unknown[]): void;
  /** Something failed. */
  error(...values: unknown[]): void;
};
