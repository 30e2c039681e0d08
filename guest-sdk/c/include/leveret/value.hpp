// Reading JSON in C++. A value that is missing, or of another type than is asked for, is a misfit: see value.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <yyjson.h>

#include "value.h"

namespace leveret {

/// A JSON value that was read, and where it is. It is there until the handler has returned.
class value {
public:
    explicit value(leveret_value inner) : inner_{inner} {}

    /// A field of an object. It may be missing: what is read of it then is a misfit, unless a fallback is given.
    value operator[](std::string_view name) const
    {
        std::string pointer{"/"};
        for (char letter : name) {
            if (letter == '~')
                pointer += "~0";
            else if (letter == '/')
                pointer += "~1";
            else
                pointer += letter;
        }
        return find(pointer);
    }

    /// An item of an array, from 0.
    value operator[](std::size_t index) const { return find("/" + std::to_string(index)); }

    /// What a JSON pointer leads to: "/user/email".
    value at(std::string_view pointer) const { return find(std::string{pointer}); }

    /// Whether there is anything but null.
    explicit operator bool() const { return leveret_has(inner_, ""); }

    std::string_view text() const { return leveret_text(inner_, ""); }
    std::int64_t integer() const { return leveret_integer(inner_, ""); }
    double number() const { return leveret_number(inner_, ""); }
    bool boolean() const { return leveret_boolean(inner_, ""); }

    // The same, where nothing or null stands for the fallback.
    std::string_view text(std::string_view fallback) const { return *this ? text() : fallback; }
    std::int64_t integer(std::int64_t fallback) const { return *this ? integer() : fallback; }
    double number(double fallback) const { return *this ? number() : fallback; }
    bool boolean(bool fallback) const { return *this ? boolean() : fallback; }

    class iterator;

    /// An array's items: `for (leveret::value line : payload["lines"])`. What is no array is a misfit, and has none.
    iterator begin() const;
    iterator end() const;
    std::size_t size() const { return leveret_count(inner_, ""); }

    /// The value as a JSON text.
    std::string_view json() const { return leveret_json(inner_); }

    /// Remembers that the value does not fit, for a reason of your own: `expected` is such as "a positive number".
    void misfit(const char *expected) const { leveret_misfit(inner_, "", expected); }

    const leveret_value &inner() const { return inner_; }

private:
    value find(const std::string &pointer) const { return value{leveret_find(inner_, pointer.c_str())}; }

    leveret_value inner_;
};

class value::iterator {
public:
    iterator(value array, std::size_t index) : array_{array}, index_{index} {}
    value operator*() const { return array_[index_]; }
    iterator &operator++()
    {
        ++index_;
        return *this;
    }
    bool operator!=(const iterator &other) const { return index_ != other.index_; }

private:
    value array_;
    std::size_t index_;
};

inline value::iterator value::begin() const { return {*this, 0}; }
inline value::iterator value::end() const { return {*this, size()}; }

} // namespace leveret
