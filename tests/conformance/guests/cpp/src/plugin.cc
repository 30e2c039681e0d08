#include <cstdio>
#include <string>

#include "behaviour.hpp"

using namespace std::chrono_literals;
using leveret::json, leveret::task;

static leveret::result echo(const leveret::event &event)
{
    return task{"echo.make", json::raw(event.text())};
}

static leveret::result echo_typed(const leveret::event &, const person &person)
{
    return task{"echo.make", person.json()};
}

static leveret::result emit(leveret::value order)
{
    std::string padding(static_cast<std::size_t>(order["size"].integer()), 'x');
    std::vector<task> tasks;
    for (std::int64_t number = 1; number <= order["count"].integer(); number++)
        tasks.push_back({"echo.make", {{"number", number}, {"padding", padding}}});
    return tasks;
}

leveret::failure retry(leveret::value order)
{
    leveret::failure failure = leveret::retry(order["reason"].text());
    if (order["after"])
        return std::move(failure).after(std::chrono::milliseconds{order["after"].integer()});
    return failure;
}

static leveret::result write_log()
{
    leveret::log::trace("a trace line");
    leveret::log::debug("a debug line");
    leveret::log::info("an info line");
    leveret::log::warn("a warn line");
    leveret::log::error("an error line");
    std::puts("a printed line");
    std::fflush(stdout);
    std::fputs("a complaint\n", stderr);
    return {};
}

static leveret::result obey(const leveret::event &event)
{
    leveret::value order = event.payload();
    std::string_view what = order["do"].text();
    if (what == "facts")
        return report_facts(event);
    if (what == "emit")
        return emit(order);
    if (what == "key")
        return task{"echo.make", json::object()}.key("k-1").header("colour", "blue");
    if (what == "undeclared")
        return task{"other.make", json::object()};
    if (what == "misshapen")
        return task{"shape.make", {{"n", "one"}}};
    if (what == "retry")
        return retry(order);
    if (what == "reject")
        return leveret::reject(order["reason"].text());
    if (what == "error")
        return leveret::retry("boom");
    if (what == "panic")
        return panic();
    if (what == "loop")
        return loop();
    if (what == "memory")
        return take_memory();
    if (what == "recurse")
        return recurse();
    if (what == "log")
        return write_log();
    if (what == "world")
        return task{"report.make", world()};
    if (what == "reach")
        return report_reach();
    if (what == "setting")
        return task{"report.make", setting(order)};
    if (what == "state")
        return report_state();
    return leveret::reject("nobody taught me to do `", what, "`");
}

static leveret::result recover(const leveret::message &message, std::span<const leveret::failed_attempt> attempts)
{
    leveret::value payload = message.event ? message.event->payload() : message.task->payload();
    if (payload["recover"].text("") == "fail")
        return leveret::reject("no way out");

    json list = json::array();
    for (const leveret::failed_attempt &failed : attempts) {
        list.add({
            {"attempt", failed.attempt},
            {"time", failed.time},
            {"version", failed.version},
            {"reason", failed.reason},
        });
    }
    return task{"report.make", {{"recovered", message.event ? message.event->id() : message.task->id()}, {"attempts", list}}};
}

static std::optional<std::string> healthy()
{
    if (auto illness = leveret::setting("ill"))
        return std::string{*illness};
    return std::nullopt;
}

LEVERET_RECOVER(recover);
LEVERET_HEALTHY(healthy);
LEVERET_TIMETABLE(
    {.event = "report.made", .cron = "30 8 * * MON-FRI", .zone = "Europe/Berlin", .missed = LEVERET_SKIP},
    {.event = "echo.made", .every = 90000, .offset = 7000},
    {.event = "shape.made", .at = 5000, .missed = LEVERET_ALL});

static const char *const object_with_n = R"({"type": "object", "required": ["n"]})";
static const char *const integer_n =
    R"({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}})";

LEVERET_SUBSCRIBER_AND_WORKER_PLUGIN(
    .version = LEVERET_PROJECT_VERSION,
    .summary = "Does what it is told.",
    .subscriptions = {
        {"conformance.asked", obey},
        {"conformance.echoed", echo},
        {"conformance.typed", echo_typed},
        {"conformance.shaped", [](const leveret::event &) { return leveret::result{}; }, object_with_n},
    },
    .performs = {
        {"order.obey", obey_task},
        {"text.echo", echo_task},
        {"account.check", echo_typed_task},
        {"shape.check", [](const leveret::assignment &) { return leveret::performed{}; }, object_with_n},
    },
    .emits = {{"echo.make"}, {"report.make"}, {"shape.make", integer_n}},
    .announces = {{"echo.made"}, {"report.made"}, {"shape.made", integer_n}},
    .limits = {.time = 5s, .memory = 128 << 20, .prefetch = 7, .attempts = 4},
);
