// Package stop ends an instance whose plugin panicked.
package stop

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"leveret/plugin/internal/logger"
)

// The most lines of a trace that go to the log.
const traceLines = 32

// Panicking, deferred around what an author wrote, ends the instance if that panics: after a panic nobody knows what state
// the plugin's variables are in, so no further delivery may meet them. The trace goes to the log, and the panic's text to
// standard error, whose end the host takes as the reason.
func Panicking() {
	panicked := recover()
	if panicked == nil {
		return
	}
	var callers [traceLines]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if strings.HasPrefix(frame.Function, "leveret/plugin") {
			break
		}
		if !strings.HasPrefix(frame.Function, "runtime.") {
			logger.Write(slog.LevelError, fmt.Sprintf("panic at %s, %s:%d", frame.Function, frame.File, frame.Line))
		}
	}
	fmt.Fprintf(os.Stderr, "panic: %v\n", panicked)
	os.Exit(2)
}
