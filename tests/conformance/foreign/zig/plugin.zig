//! A plugin of Leveret from the contract alone: the WIT in `wit/` and the canonical ABI of the component model, with no SDK
//! and no generator. It echoes `conformance.echoed`, and retries or rejects `conformance.asked` as it is told.
//!
//!     zig build-exe plugin.zig -target wasm32-freestanding -fno-entry -rdynamic -O ReleaseSmall -femit-bin=zig.wasm
//!     leveret build zig.wasm --out zig.component.wasm

const std = @import("std");

// The types of `wit/types.wit` and `wit/manifest.wit`, as they lie in memory. On wasm32 the layout of an extern struct is
// that of the canonical ABI: fields in order, each at a multiple of its alignment.

const String = extern struct {
    ptr: [*]const u8,
    len: usize,

    fn of(text: []const u8) String {
        return .{ .ptr = text.ptr, .len = text.len };
    }
};

fn List(Item: type) type {
    return extern struct {
        ptr: [*]const Item,
        len: usize,

        fn of(items: []const Item) @This() {
            return .{ .ptr = items.ptr, .len = items.len };
        }
    };
}

fn Option(Value: type) type {
    return extern struct {
        is_some: bool = false,
        value: Value = undefined,

        fn some(value: Value) @This() {
            return .{ .is_some = true, .value = value };
        }
    };
}

const Header = extern struct { name: String, value: String };

const Task = extern struct {
    name: String,
    payload: String,
    key: Option(String) = .{},
    headers: List(Header) = .of(&.{}),
};

const Retry = extern struct { reason: String, after: Option(u64) = .{} };

const Failure = extern struct {
    case: enum(u8) { retry, reject },
    value: extern union { retry: Retry, reject: String },
};

const Handled = extern struct {
    case: enum(u8) { ok, err },
    value: extern union { ok: List(Task), err: Failure },

    fn tasks(list: []const Task) Handled {
        return .{ .case = .ok, .value = .{ .ok = .of(list) } };
    }

    fn retry(reason: []const u8, after: ?u64) Handled {
        const wait: Option(u64) = if (after) |milliseconds| .some(milliseconds) else .{};
        const failure: Retry = .{ .reason = .of(reason), .after = wait };
        return .{ .case = .err, .value = .{ .err = .{ .case = .retry, .value = .{ .retry = failure } } } };
    }

    fn reject(reason: []const u8) Handled {
        return .{ .case = .err, .value = .{ .err = .{ .case = .reject, .value = .{ .reject = .of(reason) } } } };
    }
};

/// A subscription and a shape alike: a name, and a JSON Schema.
const Shape = extern struct { name: String, schema: Option(String) = .{} };

const Limits = extern struct {
    time: Option(u64) = .{},
    memory: Option(u64) = .{},
    prefetch: Option(u16) = .{},
    attempts: Option(u32) = .{},
};

const Description = extern struct {
    version: String,
    summary: String,
    subscriptions: List(Shape),
    emits: List(Shape),
    performs: List(Shape) = .of(&.{}),
    announces: List(Shape) = .of(&.{}),
    limits: Limits = .{},
};

// Memory: the host asks for it by `cabi_realloc` to put arguments there, and says by `cabi_post_…` when it has read what a
// function returned. A result that is more than one value is returned as a pointer.

var memory: std.heap.ArenaAllocator = .init(std.heap.wasm_allocator);

export fn cabi_realloc(old: ?[*]u8, old_size: usize, alignment: usize, new_size: usize) [*]u8 {
    std.debug.assert(alignment <= 8);
    // Even nothing must be somewhere in memory: the host asks for 0 bytes, too.
    const new = memory.allocator().alignedAlloc(u8, .@"8", @max(new_size, 1)) catch @panic("no memory is left");
    if (old) |bytes| @memcpy(new[0..@min(old_size, new_size)], bytes[0..@min(old_size, new_size)]);
    return new.ptr;
}

export fn @"cabi_post_leveret:plugin/subscriber@0.1.0#on-event"(_: *const Handled) void {
    _ = memory.reset(.free_all);
}

var returned: Handled = undefined;

// The exports of `manifest` and `subscriber`.

const description: Description = .{
    .version = .of("1.2.3"),
    .summary = .of("Echoes, retries and rejects, in Zig."),
    .subscriptions = .of(&.{ .{ .name = .of("conformance.echoed") }, .{ .name = .of("conformance.asked") } }),
    .emits = .of(&.{.{ .name = .of("echo.make") }}),
};

export fn @"leveret:plugin/manifest@0.1.0#describe"() *const Description {
    return &description;
}

/// A record's fields come as arguments, one after the other, as long as they are at most 16 in all: a text or a list as its
/// address and length, an option as whether it is there and its value.
export fn @"leveret:plugin/subscriber@0.1.0#on-event"(
    name: [*]const u8,
    name_size: usize,
    id: [*]const u8,
    id_size: usize,
    tid: [*]const u8,
    tid_size: usize,
    time: u64,
    has_source: u32,
    source: [*]const u8,
    source_size: usize,
    payload: [*]const u8,
    payload_size: usize,
    headers: [*]const Header,
    header_count: usize,
) *const Handled {
    _ = .{ id, id_size, tid, tid_size, time, has_source, source, source_size, headers, header_count };
    const event = name[0..name_size];
    const text = payload[0..payload_size];
    returned = if (std.mem.eql(u8, event, "conformance.echoed"))
        echo(text)
    else if (std.mem.eql(u8, event, "conformance.asked"))
        obey(text)
    else
        .reject("this plugin does not subscribe to that");
    return &returned;
}

// What the plugin does.

fn echo(payload: []const u8) Handled {
    const tasks = memory.allocator().alloc(Task, 1) catch return .retry("no memory is left", null);
    tasks[0] = .{ .name = .of("echo.make"), .payload = .of(payload) };
    return .tasks(tasks);
}

const Order = struct { do: []const u8, reason: []const u8 = "boom", after: ?u64 = null };

fn obey(payload: []const u8) Handled {
    const order = std.json.parseFromSliceLeaky(Order, memory.allocator(), payload, .{
        .ignore_unknown_fields = true,
        .allocate = .alloc_always,
    }) catch |misfit| return .reject(@errorName(misfit));
    if (std.mem.eql(u8, order.do, "retry")) return .retry(order.reason, order.after);
    if (std.mem.eql(u8, order.do, "reject")) return .reject(order.reason);
    if (std.mem.eql(u8, order.do, "panic")) @panic(order.reason);
    return .reject("nobody taught me to do that");
}

// Last words. There is no standard error without WASI, so they go to the contract's log.

extern "leveret:plugin/log@0.1.0" fn log(level: u32, line: [*]const u8, size: usize) void;

pub const panic = std.debug.FullPanic(struct {
    fn panic(reason: []const u8, _: ?usize) noreturn {
        const level_error = 4;
        log(level_error, reason.ptr, reason.len);
        @trap();
    }
}.panic);
