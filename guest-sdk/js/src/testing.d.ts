/** For an author's tests, natively: runs a plugin as the host would. */

import type { Assignment, Event, FailedAttempt, Plugin } from "./index.d.ts";

/** What the operator set, by name. */
export interface World {
  readonly settings?: Readonly<Record<string, string>>;
}

/** A task as the host got it: its payload written as JSON and read again. */
export interface EmittedTask {
  name: string;
  payload: unknown;
  key?: string;
  headers?: Record<string, string>;
}

/** What a delivery came to, as a case file's `expect` has it. */
export type Outcome = { tasks: EmittedTask[] } | { retry: { reason: string; after?: number } } | { reject: string };

/** A name, a payload, and what else matters; the rest is something plausible. */
export type Sample<Whole extends { name: string; payload: unknown }> = Pick<Whole, "name" | "payload"> & Partial<Whole>;

/**
 * Delivers an event. The payload is written as JSON and read again, so that a test sees what comes of a payload as
 * publishers write it. Log lines go to standard error.
 */
export function deliver(plugin: Plugin, event: Sample<Event>, world?: World): Outcome;

/** Runs the plugin's `recover`: the tasks that it emits, or the error that it ends with. */
export function recover(
  plugin: Plugin,
  message: Sample<Event> | ({ kind: "task" } & Sample<Assignment>),
  attempts?: readonly Partial<FailedAttempt>[],
  world?: World,
): { tasks: EmittedTask[] } | { error: string };

/** Runs the plugin's `healthy`: nothing if it is well, or else the reason. */
export function healthy(plugin: Plugin, world?: World): string | undefined;
