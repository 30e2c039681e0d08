package plugin

import _ "leveret/plugin/internal/bindings/export_subscriber" // exports `manifest` and `subscriber`
