/** The records of `wit/` as the component's engine hands them over, and the interfaces that a component imports. */

export interface Header {
  name: string;
  value: string;
}

export interface Event {
  name: string;
  id: string;
  tid: string;
  time: number;
  source: string | null;
  payload: string;
  headers: Header[];
}

export interface Task {
  name: string;
  payload: string;
  key: string | null;
  headers: Header[];
}

export interface Assignment {
  name: string;
  id: string;
  tid: string;
  time: number;
  attempt: number;
  payload: string;
  key: string | null;
  headers: Header[];
}

export interface FailedAttempt {
  attempt: number;
  time: number;
  version: string;
  reason: string;
}

export type Message = { tag: "event"; val: Event } | { tag: "task"; val: Assignment };

export type Failure = { tag: "retry"; val: { reason: string; after: number | null } } | { tag: "reject"; val: string };

export interface Imports {
  /** `leveret:plugin/log` */
  log: { log(level: string, line: string): void };
  /** `wasi:config/store` */
  store: { get(key: string): string | null };
  /** `wasi:random/random` */
  random: { getRandomBytes(count: number): Uint8Array };
  /** `wasi:random/insecure` */
  insecure: { getInsecureRandomBytes(count: number): Uint8Array };
}
