package timekeeper

import _ "leveret/plugin/internal/bindings/export_timekeeper" // exports `timekeeper`
