package plugin

import (
	"log/slog"

	_ "leveret/plugin/internal/logger" // makes the operator's log slog's default
)

// LevelTrace is the level, below slog's own, of lines about every step: slog.Log(ctx, plugin.LevelTrace, "…").
const LevelTrace = slog.LevelDebug - 4
