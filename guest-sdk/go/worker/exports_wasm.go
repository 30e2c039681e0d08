package worker

import _ "leveret/plugin/internal/bindings/export_worker" // exports `worker`
