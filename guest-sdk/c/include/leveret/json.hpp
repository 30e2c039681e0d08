// Making JSON in C++.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <utility>

#include <yyjson.h>

#include "task.h"
#include "value.hpp"

namespace leveret {

struct member;

/// A JSON value that is being made: `json{{"to", email}, {"lines", json::array({1, 2})}}`. It is there until the handler
/// has returned. Texts must be UTF-8 and numbers finite: else the delivery fails, as a retry.
class json {
public:
    json(std::nullptr_t = nullptr) : inner_{yyjson_mut_null(leveret_document())} {}
    json(std::same_as<bool> auto truth) : inner_{yyjson_mut_bool(leveret_document(), truth)} {}
    json(std::signed_integral auto number) : inner_{yyjson_mut_sint(leveret_document(), number)} {}
    json(std::unsigned_integral auto number)
        requires(!std::same_as<decltype(number), bool>)
        : inner_{yyjson_mut_uint(leveret_document(), number)}
    {
    }
    json(std::floating_point auto number) : inner_{yyjson_mut_real(leveret_document(), number)} {}
    json(std::convertible_to<std::string_view> auto const &text) : json{std::string_view{text}, as_text{}} {}
    json(const value &read) : inner_{copy_of(read)} {}

    /// An object.
    inline json(std::initializer_list<member> members);

    json(const json &other) : inner_{yyjson_mut_val_mut_copy(leveret_document(), other.inner_)} {}
    json(json &&other) noexcept : inner_{other.inner_} {}
    json &operator=(json other)
    {
        inner_ = other.inner_;
        return *this;
    }

    static json object() { return json{yyjson_mut_obj(leveret_document())}; }

    static json array(std::initializer_list<json> items = {})
    {
        json array{yyjson_mut_arr(leveret_document())};
        for (const json &item : items)
            yyjson_mut_arr_append(array.inner_, item.inner_);
        return array;
    }

    /// A JSON text, which is written as it is.
    static json raw(std::string_view text)
    {
        return json{yyjson_mut_rawncpy(leveret_document(), text.data(), text.size())};
    }

    /// Sets a field of an object.
    json &set(std::string_view name, json field)
    {
        yyjson_mut_obj_put(inner_, json{name}.inner_, field.inner_);
        return *this;
    }

    /// Adds an item to an array.
    json &add(json item)
    {
        yyjson_mut_arr_append(inner_, item.inner_);
        return *this;
    }

    yyjson_mut_val *inner() const { return inner_; }

private:
    struct as_text {};

    explicit json(yyjson_mut_val *inner) : inner_{inner} {}
    json(std::string_view text, as_text) : inner_{yyjson_mut_strncpy(leveret_document(), text.data(), text.size())} {}

    static yyjson_mut_val *copy_of(const value &read)
    {
        yyjson_val *found = read.inner().json;
        return found ? yyjson_val_mut_copy(leveret_document(), found) : yyjson_mut_null(leveret_document());
    }

    yyjson_mut_val *inner_;
};

/// A field of an object.
struct member {
    std::string_view name;
    json field;
};

inline json::json(std::initializer_list<member> members) : inner_{yyjson_mut_obj(leveret_document())}
{
    for (const member &member : members)
        yyjson_mut_obj_add(inner_, json{member.name}.inner_, member.field.inner_);
}

} // namespace leveret
