// Package deliver is what the packages that handle messages share: the way between the contract's values and an author's.
package deliver

import (
	"encoding/json"

	"leveret/plugin"
	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	"leveret/plugin/internal/convert"
)

// Tasks are tasks as the host takes them. What cannot be written as JSON is a rejection.
func Tasks(tasks []plugin.Task) ([]contract.Task, error) {
	emitted := make([]contract.Task, len(tasks))
	for i, task := range tasks {
		given, err := convert.Task(task.Name, task.Payload, task.Key, task.Headers)
		if err != nil {
			return nil, plugin.Reject(err)
		}
		emitted[i] = given
	}
	return emitted, nil
}

// Event is an event as its handler gets it, its payload still a JSON text.
func Event(given contract.Event) plugin.Event[json.RawMessage] {
	return plugin.Event[json.RawMessage]{
		Name:    given.Name,
		ID:      given.Id,
		TID:     given.Tid,
		Time:    convert.Time(given.Time),
		Source:  given.Source.SomeOr(""),
		Headers: convert.Headers(given.Headers),
		Payload: json.RawMessage(given.Payload),
	}
}

// Assignment is a task as its handler gets it, its payload still a JSON text.
func Assignment(given contract.Assignment) plugin.Assignment[json.RawMessage] {
	return plugin.Assignment[json.RawMessage]{
		Name:    given.Name,
		ID:      given.Id,
		TID:     given.Tid,
		Time:    convert.Time(given.Time),
		Attempt: given.Attempt,
		Key:     given.Key.SomeOr(""),
		Headers: convert.Headers(given.Headers),
		Payload: json.RawMessage(given.Payload),
	}
}
