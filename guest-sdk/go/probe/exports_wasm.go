package probe

import _ "leveret/plugin/internal/bindings/export_probe" // exports `probe`
