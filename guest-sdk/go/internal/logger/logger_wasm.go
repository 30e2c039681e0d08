package logger

import (
	"log/slog"

	host "leveret/plugin/internal/bindings/leveret_plugin_log"
)

func init() {
	slog.SetDefault(slog.New(New(Write)))
}

// Write writes one line to the operator's log.
func Write(level slog.Level, line string) {
	switch {
	case level < slog.LevelDebug:
		host.Log(host.LevelTrace, line)
	case level < slog.LevelInfo:
		host.Log(host.LevelDebug, line)
	case level < slog.LevelWarn:
		host.Log(host.LevelInfo, line)
	case level < slog.LevelError:
		host.Log(host.LevelWarn, line)
	default:
		host.Log(host.LevelError, line)
	}
}
