// Package stop ends an instance whose plugin panicked.
package stop

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"leveret/plugin/internal/logger"
)

// Panicking, deferred around what an author wrote, ends the instance if that panics: after a panic nobody knows what state
// the plugin's variables are in, so no further delivery may meet them. The trace goes to the log, and the panic's text to
// standard error, whose end the host takes as the reason.
func Panicking() {
	panicked := recover()
	if panicked == nil {
		return
	}
	logger.Write(slog.LevelError, fmt.Sprintf("panic: %v", panicked))
	for line := range strings.Lines(string(debug.Stack())) {
		logger.Write(slog.LevelError, strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\n"))
	}
	fmt.Fprintf(os.Stderr, "panic: %v\n", panicked)
	os.Exit(2)
}
