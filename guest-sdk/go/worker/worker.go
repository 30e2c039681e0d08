// Package worker performs tasks of the plugin's own application and announces what happened.
//
// Importing it makes the component export `worker`, so import it only to call [Handle].
package worker

import (
	"encoding/json"

	"leveret/plugin"
	"leveret/plugin/internal/bindings/leveret_plugin_manifest"
	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	"leveret/plugin/internal/convert"
	"leveret/plugin/internal/deliver"
	"leveret/plugin/internal/entry"
	"leveret/plugin/internal/stop"
	wit "leveret/plugin/internal/wit/types"
)

// Performed is what came of a task that succeeded. All of it is published, or nothing.
type Performed struct {
	// Announcements are the events to announce.
	Announcements []Announcement
	// Tasks are further ones of the own application to create.
	Tasks []plugin.Task
}

// Announcement is an event that is announced once the task succeeded.
type Announcement struct {
	// Name is the event's full one, and one of those that [plugin.Description] lists under Announces.
	Name string
	// Payload is anything that encoding/json makes a JSON text of. What it cannot is a rejection, since it could not the
	// next time either.
	Payload any
	// Headers are further ones, by name, as in [plugin.Task].
	Headers map[string]string
}

var handlers deliver.Handlers[plugin.Assignment[json.RawMessage], Performed]

// Handle makes a function the one that performs a task, named within the application. Call it in an init function; a second
// handler of the same task is a panic.
//
// The payload is read into a T, as [plugin.Decode] does. The function may be called again for a task that it performed
// already, if the host or the broker died in between: make it idempotent.
func Handle[T any](task string, handle func(plugin.Assignment[T]) (Performed, error), options ...plugin.HandlerOption) {
	handlers.Add(task, func(given plugin.Assignment[json.RawMessage]) (Performed, error) {
		payload, err := plugin.Decode[T](given.Payload)
		if err != nil {
			return Performed{}, err
		}
		return handle(plugin.Assignment[T]{
			Name: given.Name, ID: given.ID, TID: given.TID, Time: given.Time, Attempt: given.Attempt, Key: given.Key,
			Headers: given.Headers, Payload: payload,
		})
	}, options)
}

// The way between the component's export and the author's functions.
func init() {
	entry.Performs = performs
	entry.Perform = perform
}

func performs() []leveret_plugin_manifest.Shape {
	var all []leveret_plugin_manifest.Shape
	for _, handler := range handlers.All {
		all = append(all, leveret_plugin_manifest.Shape{Name: handler.Name, Schema: convert.Text(handler.Schema)})
	}
	return all
}

// perform hands the task to the handler that performs it.
func perform(given contract.Assignment) wit.Result[contract.Performed, contract.Failure] {
	defer stop.Panicking()
	performed, err := handle(given)
	if err != nil {
		return wit.Err[contract.Performed](entry.Failure(err))
	}
	return wit.Ok[contract.Performed, contract.Failure](performed)
}

func handle(given contract.Assignment) (contract.Performed, error) {
	handler, found := handlers.Find(given.Name)
	if !found {
		return contract.Performed{}, plugin.Reject("the plugin has no worker of " + given.Name)
	}
	performed, err := handler.Handle(deliver.Assignment(given))
	if err != nil {
		return contract.Performed{}, err
	}
	tasks, err := deliver.Tasks(performed.Tasks)
	if err != nil {
		return contract.Performed{}, err
	}
	announcements := make([]contract.Announcement, len(performed.Announcements))
	for i, event := range performed.Announcements {
		announcements[i], err = convert.Announcement(event.Name, event.Payload, event.Headers)
		if err != nil {
			return contract.Performed{}, plugin.Reject(err)
		}
	}
	return contract.Performed{Announcements: announcements, Tasks: tasks}, nil
}
