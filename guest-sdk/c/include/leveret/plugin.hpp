// Write Leveret plugins in C++20, over the C library of plugin.h. It needs neither exceptions nor RTTI.
//
//     #include <leveret/plugin.hpp>
//
//     struct payment {
//         std::string_view email;
//         explicit payment(leveret::value json) : email{json["user"]["email"].text()} {}
//     };
//
//     static leveret::result thank(const leveret::event &, const payment &payment)
//     {
//         return leveret::task{"email.send", {{"to", payment.email}, {"template", "thanks"}}};
//     }
//
//     LEVERET_PLUGIN(
//         .version = LEVERET_PROJECT_VERSION,
//         .summary = "Thanks people for their payments.",
//         .subscriptions = {{"org.payment.processed", thank}},
//         .emits = {{"email.send"}},
//     );
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event.hpp"
#include "json.hpp"
#include "plugin.h"
#include "value.hpp"

namespace leveret {

/// A function, or a lambda that captures nothing: `Result (const Message &)`, or `Result (const Message &, const Payload &)`
/// with a `Payload` that is made of a `value`. If the payload does not fit then, the message is rejected and the function
/// does not run.
template <class Message, class Result>
class handler {
public:
    explicit handler(Result (*function)(const Message &))
        : function_{reinterpret_cast<any>(function)}, call_{[](any function, const Message &message) {
              return reinterpret_cast<Result (*)(const Message &)>(function)(message);
          }}
    {
    }

    template <class Payload>
    explicit handler(Result (*function)(const Message &, const Payload &))
        : function_{reinterpret_cast<any>(function)}, call_{[](any function, const Message &message) {
              Payload payload{message.payload()};
              if (!leveret_fits())
                  return Result{};
              return reinterpret_cast<Result (*)(const Message &, const Payload &)>(function)(message, payload);
          }}
    {
    }

    Result operator()(const Message &message) const { return call_(function_, message); }

private:
    using any = void (*)();

    any function_;
    Result (*call_)(any, const Message &);
};

/// Interest in one event: its full name, the function that handles it, and the JSON Schema that payloads must fit. The
/// function is `result (const event &)` or `result (const event &, const Payload &)`: see `handler`.
class subscription {
public:
    template <class Function>
    subscription(const char *event, Function function, const char *schema = nullptr)
        : event_{event}, schema_{schema}, handler_{+function}
    {
    }

    leveret_subscription lower() const
    {
        return {.event = event_, .handler = handle, .schema = schema_, .context = this};
    }

private:
    static leveret_result handle(const leveret_event *given, leveret_tasks *tasks)
    {
        return static_cast<const subscription *>(given->context)->handler_(event{*given}).lower(tasks);
    }

    const char *event_;
    const char *schema_;
    handler<event, result> handler_;
};

/// A task that the plugin performs: its name within the application, the function that performs it, and the JSON Schema that
/// payloads must fit. The function is `performed (const assignment &)` or `performed (const assignment &, const Payload &)`.
class worker {
public:
    template <class Function>
    worker(const char *task, Function function, const char *schema = nullptr)
        : task_{task}, schema_{schema}, handler_{+function}
    {
    }

    leveret_performance lower() const
    {
        return {.task = task_, .worker = perform, .schema = schema_, .context = this};
    }

private:
    static leveret_result perform(const leveret_assignment *given, leveret_performed *made)
    {
        return static_cast<const worker *>(given->context)->handler_(assignment{*given}).lower(made);
    }

    const char *task_;
    const char *schema_;
    handler<assignment, performed> handler_;
};

/// A task that the plugin may create, or an event that it may announce, and the JSON Schema that its payloads must fit.
struct shape {
    shape(const char *name, const char *schema = nullptr) : name{name}, schema{schema} {}

    const char *name;
    const char *schema;
};

/// What the plugin asks for; nothing is the operator's default. The operator's limits come first.
struct limits {
    std::chrono::milliseconds time{0}; ///< the longest that a delivery may take
    std::uint64_t memory = 0;          ///< the most memory that it may use, in bytes
    std::uint16_t prefetch = 0;        ///< how many messages of one subscription may be in work at a time
    std::uint32_t attempts = 0;        ///< after how many failed attempts a message becomes a dead letter
};

/// What a plugin is and wants.
struct plugin {
    const char *version; ///< 1 to 64 bytes, for people
    const char *summary = "";
    std::vector<subscription> subscriptions = {};
    std::vector<worker> performs = {};
    std::vector<shape> emits = {};
    std::vector<shape> announces = {};
    leveret::limits limits = {};
};

/// A plugin as the C library has it.
class lowered {
public:
    explicit lowered(const plugin &plugin)
    {
        for (const subscription &subscription : plugin.subscriptions)
            subscriptions_.push_back(subscription.lower());
        subscriptions_.push_back({});
        for (const worker &worker : plugin.performs)
            performs_.push_back(worker.lower());
        performs_.push_back({});
        add(emits_, plugin.emits);
        add(announces_, plugin.announces);
        inner_ = {
            .version = plugin.version,
            .summary = plugin.summary,
            .subscriptions = subscriptions_.data(),
            .performs = performs_.data(),
            .emits = emits_.data(),
            .announces = announces_.data(),
            .limits = {
                .time = static_cast<std::uint64_t>(plugin.limits.time.count()),
                .memory = plugin.limits.memory,
                .prefetch = plugin.limits.prefetch,
                .attempts = plugin.limits.attempts,
            },
        };
    }

    const leveret_plugin *get() const { return &inner_; }

private:
    static void add(std::vector<leveret_shape> &list, const std::vector<shape> &shapes)
    {
        for (const shape &shape : shapes)
            list.push_back({.name = shape.name, .schema = shape.schema});
        list.push_back({});
    }

    std::vector<leveret_subscription> subscriptions_;
    std::vector<leveret_performance> performs_;
    std::vector<leveret_shape> emits_;
    std::vector<leveret_shape> announces_;
    leveret_plugin inner_;
};

/// One attempt that failed.
using failed_attempt = leveret_failed_attempt;

/// A message that failed for good: one of the two.
struct message {
    std::optional<leveret::event> event;
    std::optional<assignment> task;
};

/// What the operator has set under this name for the plugin.
inline std::optional<std::string_view> setting(const char *name)
{
    return optional(leveret_setting(name));
}

/// Lines for the host's log: `log::info(email, " paid ", amount)`. The operator sees trace and debug only when asking.
namespace log {

template <class... Parts>
void trace(const Parts &...parts) { leveret_log(LEVERET_TRACE, "%s", join(parts...).c_str()); }
template <class... Parts>
void debug(const Parts &...parts) { leveret_log(LEVERET_DEBUG, "%s", join(parts...).c_str()); }
template <class... Parts>
void info(const Parts &...parts) { leveret_log(LEVERET_INFO, "%s", join(parts...).c_str()); }
template <class... Parts>
void warn(const Parts &...parts) { leveret_log(LEVERET_WARN, "%s", join(parts...).c_str()); }
template <class... Parts>
void error(const Parts &...parts) { leveret_log(LEVERET_ERROR, "%s", join(parts...).c_str()); }

} // namespace log
} // namespace leveret

/// LEVERET_PLUGIN, LEVERET_WORKER_PLUGIN and LEVERET_SUBSCRIBER_AND_WORKER_PLUGIN make the program a plugin that handles
/// events, performs tasks, or does both. One of them, once, at the top level of one file, with the fields of
/// `leveret::plugin`.
#define LEVERET_DESCRIBE(...)                                                                                          \
    extern "C" const leveret_plugin *leveret_this_plugin(void)                                                         \
    {                                                                                                                  \
        static const leveret::plugin plugin{__VA_ARGS__};                                                              \
        static const leveret::lowered lowered{plugin};                                                                 \
        return lowered.get();                                                                                          \
    }                                                                                                                  \
    extern "C" const leveret_plugin *leveret_this_plugin(void)

/// Makes `result (const message &, std::span<const failed_attempt>)` the plugin's last chance for messages that failed for
/// good. A failure is recorded, and changes nothing. Once in a plugin.
#define LEVERET_RECOVER(function) LEVERET_EXPORT_RECOVERY(leveret::exported::recover<function>)

/// Makes `std::optional<std::string> ()` the plugin's answer to whether it is healthy: nothing, or the reason why not.
/// Once in a plugin.
#define LEVERET_HEALTHY(function) LEVERET_EXPORT_PROBE(leveret::exported::healthy<function>)

/// Functions of C++ as those of C.
namespace leveret::exported {

template <result (*Recover)(const message &, std::span<const failed_attempt>)>
leveret_result recover(
    const leveret_message *given, const leveret_failed_attempt *attempts, std::size_t count, leveret_tasks *tasks)
{
    message message;
    if (given->event)
        message.event = event{*given->event};
    if (given->task)
        message.task = assignment{*given->task};
    return Recover(message, {attempts, count}).lower(tasks);
}

template <std::optional<std::string> (*Healthy)()>
const char *healthy()
{
    std::optional<std::string> illness = Healthy();
    return illness ? leveret_format("%s", illness->c_str()) : nullptr;
}

} // namespace leveret::exported
