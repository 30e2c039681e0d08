// Package recovery gives a plugin a last chance for messages that failed for good.
//
// Importing it makes the component export `recovery`, so import it only to call [Handle].
package recovery

import (
	"encoding/json"
	"time"

	"leveret/plugin"
	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	"leveret/plugin/internal/convert"
	"leveret/plugin/internal/deliver"
	"leveret/plugin/internal/entry"
	"leveret/plugin/internal/stop"
	wit "leveret/plugin/internal/wit/types"
)

// Message is what failed for good: an event of a subscriber or a task of a worker. The other one is nil. Their payloads are
// still JSON texts: [plugin.Decode] reads them.
type Message struct {
	Event *plugin.Event[json.RawMessage]
	Task  *plugin.Assignment[json.RawMessage]
}

// Attempt is one attempt that failed.
type Attempt struct {
	// Attempt is its number, from 1.
	Attempt uint32
	// Time is when it ended, in UTC.
	Time time.Time
	// Version is the version that ran.
	Version string
	// Reason is why it failed.
	Reason string
}

var handler = func(Message, []Attempt) ([]plugin.Task, error) { return nil, nil }

// Handle makes a function the one that is called, once, for a message that failed for good, before it becomes a dead letter.
// Call it in an init function.
//
// The tasks that the function returns are published as a handler's are. Its error is recorded and changes nothing: the message
// becomes a dead letter in either case. It has a time limit of its own.
func Handle(handle func(message Message, attempts []Attempt) ([]plugin.Task, error)) {
	handler = handle
}

func init() {
	entry.Recover = recoverMessage
}

func recoverMessage(
	given contract.Message, failed []contract.FailedAttempt,
) wit.Result[[]contract.Task, string] {
	defer stop.Panicking()
	tasks, err := handle(given, failed)
	if err != nil {
		return wit.Err[[]contract.Task](err.Error())
	}
	return wit.Ok[[]contract.Task, string](tasks)
}

func handle(given contract.Message, failed []contract.FailedAttempt) ([]contract.Task, error) {
	attempts := make([]Attempt, len(failed))
	for i, attempt := range failed {
		attempts[i] = Attempt{attempt.Attempt, convert.Time(attempt.Time), attempt.Version, attempt.Reason}
	}
	tasks, err := handler(message(given), attempts)
	if err != nil {
		return nil, err
	}
	return deliver.Tasks(tasks)
}

func message(given contract.Message) Message {
	if given.Tag() == contract.MessageTask {
		task := deliver.Assignment(given.Task())
		return Message{Task: &task}
	}
	event := deliver.Event(given.Event())
	return Message{Event: &event}
}
