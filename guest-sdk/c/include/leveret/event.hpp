// What a handler is given, and what it returns, in C++.
#pragma once

#include <chrono>
#include <concepts>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "json.hpp"
#include "plugin.h"
#include "value.hpp"

namespace leveret {

/// A moment, to the millisecond.
using moment = std::chrono::sys_time<std::chrono::milliseconds>;

inline moment moment_of(std::uint64_t milliseconds)
{
    return moment{std::chrono::milliseconds{milliseconds}};
}

/// A text of C that may be missing.
inline std::optional<std::string_view> optional(const char *text)
{
    return text ? std::optional<std::string_view>{text} : std::nullopt;
}

/// One header: its name and its value.
using header = leveret_header;

/// A notice that something happened. Its texts are there until the handler has returned.
class event {
public:
    explicit event(const leveret_event &inner) : inner_{&inner} {}

    /// The full name, such as `org.payment.processed`.
    std::string_view name() const { return inner_->name; }
    /// What makes it the same event, however often it is delivered.
    std::string_view id() const { return inner_->id; }
    /// The transaction ID: the same on everything that one first event causes.
    std::string_view tid() const { return inner_->tid; }
    /// When it was published.
    moment time() const { return moment_of(inner_->time); }
    /// The application that claims to have published it.
    std::optional<std::string_view> source() const { return optional(inner_->source); }
    /// The payload, to be read.
    value payload() const { return value{leveret_payload(inner_)}; }
    /// The payload as it came: one JSON text.
    std::string_view text() const { return {inner_->payload, inner_->payload_size}; }
    /// Headers that the fields above do not foresee.
    std::span<const leveret::header> headers() const { return {inner_->headers, inner_->header_count}; }
    /// The value of the first header of this name.
    std::optional<std::string_view> header(const char *name) const { return optional(leveret_event_header(inner_, name)); }

private:
    const leveret_event *inner_;
};

/// A task as its worker receives it. Its texts are there until the handler has returned. It may come again after it was
/// performed, if the host or the broker died in between.
class assignment {
public:
    explicit assignment(const leveret_assignment &inner) : inner_{&inner} {}

    /// The name within the application, such as `email.send`.
    std::string_view name() const { return inner_->name; }
    /// What makes it the same task, however often it is delivered.
    std::string_view id() const { return inner_->id; }
    /// The transaction ID: the same on everything that one first event causes.
    std::string_view tid() const { return inner_->tid; }
    /// When it was created.
    moment time() const { return moment_of(inner_->time); }
    /// The number of this attempt, from 1; in a recovery, that of the last one.
    std::uint32_t attempt() const { return inner_->attempt; }
    /// The payload, to be read.
    value payload() const { return value{leveret_task_payload(inner_)}; }
    /// The payload as it came: one JSON text.
    std::string_view text() const { return {inner_->payload, inner_->payload_size}; }
    /// The ordering key, if its creator gave one.
    std::optional<std::string_view> key() const { return optional(inner_->key); }
    /// Headers that the fields above do not foresee.
    std::span<const leveret::header> headers() const { return {inner_->headers, inner_->header_count}; }
    /// The value of the first header of this name.
    std::optional<std::string_view> header(const char *name) const { return optional(leveret_task_header(inner_, name)); }

private:
    const leveret_assignment *inner_;
};

/// Texts and numbers, one after the other.
template <class... Parts>
std::string join(const Parts &...parts)
{
    std::string joined;
    auto add = [&joined](const auto &part) {
        if constexpr (std::convertible_to<decltype(part), std::string_view>)
            joined += std::string_view{part};
        else if constexpr (std::same_as<std::decay_t<decltype(part)>, bool>)
            joined += part ? "true" : "false";
        else if constexpr (std::floating_point<std::decay_t<decltype(part)>>)
            joined += leveret_format("%g", static_cast<double>(part));
        else
            joined += std::to_string(part);
    };
    (add(parts), ...);
    return joined;
}

/// Why nothing came of a delivery. Made by `retry` and `reject`.
class failure {
public:
    failure(bool is_final, std::string reason) : is_final_{is_final}, reason_{std::move(reason)} {}

    /// Waits this long before the next attempt. The retry policy's maximum comes first. A reject has no next attempt.
    failure after(std::chrono::milliseconds wait) &&
    {
        after_ = wait;
        return std::move(*this);
    }

    leveret_result lower() const
    {
        if (is_final_)
            return leveret_reject("%s", reason_.c_str());
        if (after_)
            return leveret_retry_after(static_cast<std::uint64_t>(after_->count()), "%s", reason_.c_str());
        return leveret_retry("%s", reason_.c_str());
    }

private:
    bool is_final_;
    std::string reason_;
    std::optional<std::chrono::milliseconds> after_;
};

/// It may work later: the message waits in the broker and is tried again. `retry("no ", part, " in stock")`.
template <class... Parts>
failure retry(const Parts &...reason)
{
    return {false, join(reason...)};
}

/// It will never work: the message becomes a dead letter at once.
template <class... Parts>
failure reject(const Parts &...reason)
{
    return {true, join(reason...)};
}

/// An order to change state: `task{"email.send", {{"to", email}}}`.
class task {
public:
    /// Its name is relative to the application, and one of the plugin's `emits`.
    task(std::string name, json payload) : name_{std::move(name)}, payload_{std::move(payload)} {}

    /// Sets the ordering key, of at most 255 bytes: tasks of one key are performed in order, where the worker asks for it.
    task key(std::string key) &&
    {
        key_ = std::move(key);
        return std::move(*this);
    }

    /// Adds a header.
    task header(std::string name, std::string value) &&
    {
        headers_.emplace_back(std::move(name), std::move(value));
        return std::move(*this);
    }

    void lower(leveret_tasks *tasks) const
    {
        leveret_task *task = leveret_emit(tasks, name_.c_str());
        leveret_put(task, "", payload_.inner());
        if (key_)
            leveret_set_key(task, key_->c_str());
        for (const auto &[name, value] : headers_)
            leveret_add_header(task, name.c_str(), value.c_str());
    }

private:
    std::string name_;
    json payload_;
    std::optional<std::string> key_;
    std::vector<std::pair<std::string, std::string>> headers_;
};

/// An event that a worker announces: `announcement{"email.sent", {{"to", email}}}`.
class announcement {
public:
    /// Its name is the full one, and one of the plugin's `announces`.
    announcement(std::string name, json payload) : name_{std::move(name)}, payload_{std::move(payload)} {}

    /// Adds a header.
    announcement header(std::string name, std::string value) &&
    {
        headers_.emplace_back(std::move(name), std::move(value));
        return std::move(*this);
    }

    void lower(leveret_performed *performed) const
    {
        leveret_announcement *event = leveret_announce(performed, name_.c_str());
        leveret_put(event, "", payload_.inner());
        for (const auto &[name, value] : headers_)
            leveret_add_header(event, name.c_str(), value.c_str());
    }

private:
    std::string name_;
    json payload_;
    std::vector<std::pair<std::string, std::string>> headers_;
};

/// What came of a delivery: tasks, of which there may be none, or a failure.
class result {
public:
    result() = default;
    result(task task) { tasks_.push_back(std::move(task)); }
    result(std::initializer_list<task> tasks) : tasks_{tasks} {}
    result(std::vector<task> tasks) : tasks_{std::move(tasks)} {}
    result(failure failure) : failure_{std::move(failure)} {}

    leveret_result lower(leveret_tasks *tasks) const
    {
        if (failure_)
            return failure_->lower();
        for (const task &task : tasks_)
            task.lower(tasks);
        return leveret_done();
    }

private:
    std::vector<task> tasks_;
    std::optional<failure> failure_;
};

/// What came of a task: events to announce and further tasks, of which there may be none, or a failure.
/// `performed{}.announce({"email.sent", {{"to", email}}}).emit({"email.count", {}})`.
class performed {
public:
    performed() = default;
    performed(announcement event) { announcements_.push_back(std::move(event)); }
    performed(std::vector<announcement> events) : announcements_{std::move(events)} {}
    performed(task task) { tasks_.push_back(std::move(task)); }
    performed(std::vector<task> tasks) : tasks_{std::move(tasks)} {}
    performed(failure failure) : failure_{std::move(failure)} {}

    /// Announces one event more.
    performed &announce(announcement event)
    {
        announcements_.push_back(std::move(event));
        return *this;
    }

    /// Creates one task more.
    performed &emit(task task)
    {
        tasks_.push_back(std::move(task));
        return *this;
    }

    leveret_result lower(leveret_performed *made) const
    {
        if (failure_)
            return failure_->lower();
        for (const announcement &event : announcements_)
            event.lower(made);
        for (const task &task : tasks_)
            task.lower(made);
        return leveret_done();
    }

private:
    std::vector<announcement> announcements_;
    std::vector<task> tasks_;
    std::optional<failure> failure_;
};

} // namespace leveret
