// What the plugin can be told to do, one function each.
#pragma once

#include <leveret/plugin.hpp>

// facts.cc: what the plugin sees
leveret::result report_facts(const leveret::event &event);
leveret::result report_world();
leveret::result report_reach();
leveret::result report_setting(leveret::value order);
leveret::result report_state();

// harm.cc: what no plugin should do
leveret::result panic();
leveret::result loop();
leveret::result take_memory();
leveret::result recurse();
