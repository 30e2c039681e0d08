// Package subscriber turns events into tasks of the plugin's own application.
//
// Importing it makes the component export `subscriber`, so import it only to call [Handle].
package subscriber

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

var handlers deliver.Handlers[plugin.Event[json.RawMessage], []plugin.Task]

// Handle makes a function the handler of one event, named in full. Call it in an init function; a second handler of the
// same event is a panic.
//
// The payload is read into a T, as [plugin.Decode] does. What the function returns is published whole or not at all, each
// task under an id that is derived from the event's, so that the same event delivered twice gives the same tasks.
func Handle[T any](event string, handle func(plugin.Event[T]) ([]plugin.Task, error), options ...plugin.HandlerOption) {
	handlers.Add(event, func(given plugin.Event[json.RawMessage]) ([]plugin.Task, error) {
		payload, err := plugin.Decode[T](given.Payload)
		if err != nil {
			return nil, err
		}
		return handle(plugin.Event[T]{
			Name: given.Name, ID: given.ID, TID: given.TID, Time: given.Time, Source: given.Source,
			Headers: given.Headers, Payload: payload,
		})
	}, options)
}

// The way between the component's export and the author's functions.
func init() {
	entry.Subscriptions = subscriptions
	entry.OnEvent = onEvent
}

func subscriptions() []leveret_plugin_manifest.Subscription {
	var all []leveret_plugin_manifest.Subscription
	for _, handler := range handlers.All {
		all = append(all, leveret_plugin_manifest.Subscription{Event: handler.Name, Schema: convert.Text(handler.Schema)})
	}
	return all
}

// onEvent hands the event to the handler that subscribed to it.
func onEvent(given contract.Event) wit.Result[[]contract.Task, contract.Failure] {
	defer stop.Panicking()
	tasks, err := handle(given)
	if err != nil {
		return wit.Err[[]contract.Task](entry.Failure(err))
	}
	return wit.Ok[[]contract.Task, contract.Failure](tasks)
}

func handle(given contract.Event) ([]contract.Task, error) {
	handler, found := handlers.Find(given.Name)
	if !found {
		return nil, plugin.Reject("the plugin has no subscriber of " + given.Name)
	}
	tasks, err := handler.Handle(deliver.Event(given))
	if err != nil {
		return nil, err
	}
	return deliver.Tasks(tasks)
}
