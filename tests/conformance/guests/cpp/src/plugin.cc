#include <cstdio>
#include <string>

#include "behaviour.hpp"

using namespace std::chrono_literals;
using leveret::json, leveret::task;

struct person {
    std::string_view email;
    std::int64_t amount;

    explicit person(leveret::value json) : email{json["email"].text()}, amount{json["amount"].integer()} {}
};

static leveret::result echo(const leveret::event &event)
{
    return task{"echo.make", json::raw(event.text())};
}

static leveret::result echo_typed(const leveret::event &, const person &person)
{
    return task{"echo.make", {{"email", person.email}, {"amount", person.amount}}};
}

static leveret::result emit(leveret::value order)
{
    std::string padding(static_cast<std::size_t>(order["size"].integer()), 'x');
    std::vector<task> tasks;
    for (std::int64_t number = 1; number <= order["count"].integer(); number++)
        tasks.push_back({"echo.make", {{"number", number}, {"padding", padding}}});
    return tasks;
}

static leveret::result retry(leveret::value order)
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
        return report_world();
    if (what == "reach")
        return report_reach();
    if (what == "setting")
        return report_setting(order);
    if (what == "state")
        return report_state();
    return leveret::reject("nobody taught me to do `", what, "`");
}

static leveret::result recover(const leveret::message &message, std::span<const leveret::failed_attempt> attempts)
{
    if (!message.event)
        return leveret::reject("this plugin performs no tasks");
    if (message.event->payload()["recover"].text("") == "fail")
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
    return task{"report.make", {{"recovered", message.event->id()}, {"attempts", list}}};
}

static std::optional<std::string> healthy()
{
    if (auto illness = leveret::setting("ill"))
        return std::string{*illness};
    return std::nullopt;
}

LEVERET_RECOVER(recover);
LEVERET_HEALTHY(healthy);

LEVERET_PLUGIN(
    .version = LEVERET_PROJECT_VERSION,
    .summary = "Does what it is told.",
    .subscriptions = {
        {"conformance.asked", obey},
        {"conformance.echoed", echo},
        {"conformance.typed", echo_typed},
        {"conformance.shaped",
         [](const leveret::event &) { return leveret::result{}; },
         R"({"type": "object", "required": ["n"]})"},
    },
    .emits = {
        {"echo.make"},
        {"report.make"},
        {"shape.make", R"({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}})"},
    },
    .limits = {.time = 5s, .memory = 128 << 20, .prefetch = 7, .attempts = 4},
);
