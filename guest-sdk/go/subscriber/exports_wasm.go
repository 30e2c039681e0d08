package subscriber

import _ "leveret/plugin/internal/bindings/export_subscriber" // exports `subscriber`
