// A plugin of Leveret from the contract alone: the WIT in `wit/` and the canonical ABI of the component model, with no SDK
// and no generator. It echoes `conformance.echoed`, and retries or rejects `conformance.asked` as it is told.
//
//     npm ci
//     npm run build -- build/assemblyscript.wasm
//     leveret build build/assemblyscript.wasm --out assemblyscript.component.wasm

// Memory for the host to put arguments in. It is never given back, since the next delivery gets an instance of its own.

export function cabi_realloc(old: usize, oldSize: usize, alignment: usize, size: usize): usize {
  const at = heap.alloc(max<usize>(size, 1));
  memory.copy(at, old, min(oldSize, size));
  return at;
}

// The contract's types as they lie in memory: fields in order, each at a multiple of its alignment. A text or a list is an
// address and a length, and an option is a byte that says whether its value is there.

@unmanaged class Text {
  at: usize = 0;
  size: usize = 0;
}

/** A subscription and a shape alike. */
@unmanaged class Shape {
  name: usize = 0;
  nameSize: usize = 0;
  hasSchema: u8 = 0;
  schema: usize = 0;
  schemaSize: usize = 0;
}

@unmanaged class Task {
  name: usize = 0;
  nameSize: usize = 0;
  payload: usize = 0;
  payloadSize: usize = 0;
  hasKey: u8 = 0;
  key: usize = 0;
  keySize: usize = 0;
  headers: usize = 0;
  headerCount: usize = 0;
}

@unmanaged class Description {
  version: usize = 0;
  versionSize: usize = 0;
  summary: usize = 0;
  summarySize: usize = 0;
  subscriptions: usize = 0;
  subscriptionCount: usize = 0;
  emits: usize = 0;
  emitCount: usize = 0;
  performs: usize = 0;
  performCount: usize = 0;
  announces: usize = 0;
  announceCount: usize = 0;
  hasTime: u8 = 0;
  time: u64 = 0;
  hasMemory: u8 = 0;
  memory: u64 = 0;
  hasPrefetch: u8 = 0;
  prefetch: u16 = 0;
  hasAttempts: u8 = 0;
  attempts: u32 = 0;
}

/** Tasks: the case `ok` of the result. */
@unmanaged class Done {
  isError: u64 = 0;
  tasks: usize = 0;
  count: usize = 0;
}

/** A failure: the case `err` of the result. What comes last is for a retry only. */
@unmanaged class Failed {
  isError: u64 = 1;
  isReject: u64 = 0;
  reason: usize = 0;
  reasonSize: usize = 0;
  hasAfter: u8 = 0;
  after: u64 = 0;
}

function text(value: string): Text {
  const size = String.UTF8.byteLength(value);
  const at = heap.alloc(max(size, 1));
  String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, at);
  const made = new Text();
  made.at = at;
  made.size = size;
  return made;
}

function shapes(names: string[]): usize {
  const at = heap.alloc(names.length * offsetof<Shape>());
  memory.fill(at, 0, names.length * offsetof<Shape>());
  for (let index = 0; index < names.length; index++) {
    const name = text(names[index]);
    const shape = changetype<Shape>(at + index * offsetof<Shape>());
    shape.name = name.at;
    shape.nameSize = name.size;
  }
  return at;
}

// The exports of `manifest` and `subscriber`, under names that `names.js` gives them.

export function describe(): Description {
  const version = text("0.1.0");
  const summary = text("Echoes, retries and rejects, in AssemblyScript.");
  const description = new Description();
  description.version = version.at;
  description.versionSize = version.size;
  description.summary = summary.at;
  description.summarySize = summary.size;
  description.subscriptions = shapes(["conformance.echoed", "conformance.asked"]);
  description.subscriptionCount = 2;
  description.emits = shapes(["echo.make"]);
  description.emitCount = 1;
  return description;
}

/** A record's fields come as arguments, one after the other, as long as they are at most 16 in all. */
export function onEvent(
  name: usize,
  nameSize: usize,
  id: usize,
  idSize: usize,
  tid: usize,
  tidSize: usize,
  time: u64,
  hasSource: u32,
  source: usize,
  sourceSize: usize,
  payload: usize,
  payloadSize: usize,
  headers: usize,
  headerCount: usize,
): usize {
  if (String.UTF8.decodeUnsafe(name, nameSize) == "conformance.echoed") return echo(payload, payloadSize);
  return obey(String.UTF8.decodeUnsafe(payload, payloadSize));
}

// What the plugin does.

function echo(payload: usize, payloadSize: usize): usize {
  const name = text("echo.make");
  const task = new Task();
  task.name = name.at;
  task.nameSize = name.size;
  task.payload = payload;
  task.payloadSize = payloadSize;
  const done = new Done();
  done.tasks = changetype<usize>(task);
  done.count = 1;
  return changetype<usize>(done);
}

function obey(order: string): usize {
  const isRetry = order.includes('"do":"retry"');
  if (!isRetry && !order.includes('"do":"reject"')) return fail("nobody taught me to do that", true, "");
  return fail(after(order, '"reason":"', '"'), !isRetry, isRetry ? after(order, '"after":', ",") : "");
}

function fail(reason: string, isReject: bool, wait: string): usize {
  const words = text(reason);
  const failed = new Failed();
  failed.isReject = isReject ? 1 : 0;
  failed.reason = words.at;
  failed.reasonSize = words.size;
  failed.hasAfter = wait.length > 0 ? 1 : 0;
  failed.after = wait.length > 0 ? U64.parseInt(wait) : 0;
  return changetype<usize>(failed);
}

/** What stands in a text between two others; nothing if the first is not there. */
function after(order: string, begin: string, end: string): string {
  const found = order.indexOf(begin);
  if (found < 0) return "";
  const from = found + begin.length;
  const to = order.indexOf(end, from);
  return order.substring(from, to < 0 ? order.length : to);
}
