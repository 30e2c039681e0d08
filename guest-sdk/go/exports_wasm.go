package plugin

import _ "leveret/plugin/internal/bindings/export_manifest" // exports `manifest`
