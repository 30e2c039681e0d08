//go:build !wasm

// Package plugintest delivers events to a plugin's handlers as the host does, in native tests.
package plugintest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"testing"
	"time"

	"leveret/plugin"
	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	"leveret/plugin/internal/convert"
	"leveret/plugin/internal/entry"
	"leveret/plugin/internal/settings"
	wit "leveret/plugin/internal/wit/types"
)

// Deliver delivers an event as the host would: the payload becomes JSON text and is read again into the handler's type, so
// that a test sees what comes of a payload as publishers write it. The tasks' payloads are json.RawMessages: [Equal] compares
// them. The error is a [plugin.RetryError] or a [plugin.RejectError].
func Deliver(event string, payload any) ([]plugin.Task, error) {
	return DeliverEvent(plugin.Event[any]{Name: event, Payload: payload})
}

// DeliverEvent is [Deliver] for an event whose other fields matter. ID, TID and Time are plausible ones where they are zero.
func DeliverEvent[T any](event plugin.Event[T]) ([]plugin.Task, error) {
	given, err := convert.Task(event.Name, event.Payload, "", event.Headers)
	if err != nil {
		return nil, err
	}
	if event.Time.IsZero() {
		event.Time = time.UnixMilli(0)
	}
	result := entry.OnEvent(contract.Event{
		Name:    event.Name,
		Id:      cmp.Or(event.ID, "sample-id"),
		Tid:     cmp.Or(event.TID, "sample-tid"),
		Time:    uint64(event.Time.UnixMilli()),
		Source:  convert.Text(event.Source),
		Payload: given.Payload,
		Headers: given.Headers,
	})
	if result.Tag() == wit.ResultErr {
		return nil, failure(result.Err())
	}
	var tasks []plugin.Task
	for _, task := range result.Ok() {
		emitted := plugin.Task{Name: task.Name, Payload: json.RawMessage(task.Payload), Key: task.Key.SomeOr("")}
		if len(task.Headers) > 0 {
			emitted.Headers = convert.Headers(task.Headers)
		}
		tasks = append(tasks, emitted)
	}
	return tasks, nil
}

// Equal fails the test unless the tasks are the same, whatever the types and the order of fields of their payloads.
func Equal(t testing.TB, got, want []plugin.Task) {
	t.Helper()
	if gotText, wantText := written(t, got), written(t, want); gotText != wantText {
		t.Errorf("the tasks are\n%s\nand should be\n%s", gotText, wantText)
	}
}

// Settings sets the plugin's settings, all of them, until the test ends. Tests that set some cannot run in parallel.
func Settings(t testing.TB, all map[string]string) {
	t.Helper()
	before := settings.Replace(all)
	t.Cleanup(func() { settings.Replace(before) })
}

func failure(given contract.Failure) error {
	if given.Tag() == contract.FailureReject {
		return plugin.Reject(given.Reject())
	}
	retry := plugin.Retry(given.Retry().Reason)
	if after := given.Retry().After; after.Tag() == wit.OptionSome {
		return retry.After(time.Duration(after.Some()) * time.Millisecond)
	}
	return retry
}

// written is the tasks as JSON, the fields of each object in the order of their names.
func written(t testing.TB, tasks []plugin.Task) string {
	t.Helper()
	var lines bytes.Buffer
	for _, task := range tasks {
		given, err := convert.Task(task.Name, task.Payload, task.Key, task.Headers)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader([]byte(given.Payload)))
		decoder.UseNumber()
		var payload any
		if err := decoder.Decode(&payload); err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(map[string]any{"name": task.Name, "payload": payload, "key": task.Key, "headers": given.Headers})
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	return lines.String()
}
