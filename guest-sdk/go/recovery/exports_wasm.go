package recovery

import _ "leveret/plugin/internal/bindings/export_recovery" // exports `recovery`
