// What the plugin can be told to do, one function each.
#pragma once

#include <cstdint>
#include <string_view>

#include <leveret/plugin.hpp>

/// What can be read into a type.
struct person {
    std::string_view email;
    std::int64_t amount;

    explicit person(leveret::value json) : email{json["email"].text()}, amount{json["amount"].integer()} {}

    leveret::json json() const { return {{"email", email}, {"amount", amount}}; }
};

// plugin.cc: how it fails when told to
leveret::failure retry(leveret::value order);

// work.cc: what it performs
leveret::performed echo_task(const leveret::assignment &task);
leveret::performed echo_typed_task(const leveret::assignment &task, const person &person);
leveret::performed obey_task(const leveret::assignment &task);

// facts.cc: what the plugin sees
leveret::result report_facts(const leveret::event &event);
leveret::performed report_task(const leveret::assignment &task);
leveret::json world();
leveret::result report_reach();
leveret::json setting(leveret::value order);
leveret::result report_state();

// harm.cc: what no plugin should do
leveret::result panic();
leveret::result loop();
leveret::result take_memory();
leveret::result recurse();
