// Package probe lets a plugin say whether it can work at all.
//
// Importing it makes the component export `probe`, so import it only to call [Handle].
package probe

import (
	_ "leveret/plugin" // a plugin has a description, whatever else it has

	"leveret/plugin/internal/entry"
	"leveret/plugin/internal/stop"
	wit "leveret/plugin/internal/wit/types"
)

var handler = func() error { return nil }

// Handle makes a function the one that is asked before an open circuit breaker lets messages through again. Call it in an
// init function.
//
// The function's error is the reason, in words for the operator; nil means that the plugin is well. It has one second. The
// clock stands at the moment of the question.
func Handle(healthy func() error) {
	handler = healthy
}

func init() {
	entry.Healthy = healthy
}

func healthy() wit.Result[wit.Unit, string] {
	defer stop.Panicking()
	if err := handler(); err != nil {
		return wit.Err[wit.Unit](err.Error())
	}
	return wit.Ok[wit.Unit, string](wit.Unit{})
}
