//go:build !wasm

// Package plugintest delivers events and tasks to a plugin's handlers as the host does, in native tests.
package plugintest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"leveret/plugin"
	"leveret/plugin/http"
	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	"leveret/plugin/internal/convert"
	"leveret/plugin/internal/entry"
	"leveret/plugin/internal/settings"
	"leveret/plugin/internal/standin"
	wit "leveret/plugin/internal/wit/types"
	"leveret/plugin/worker"
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
	if entry.OnEvent == nil {
		return nil, errors.New("the plugin handles no events: it does not import leveret/plugin/subscriber")
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
	return emitted(result.Ok()), nil
}

// Perform has a task performed as the host would, likewise: a first attempt, without a key and headers. The payloads of what
// came of it are json.RawMessages: [EqualPerformed] compares them.
func Perform(task string, payload any) (worker.Performed, error) {
	return PerformTask(plugin.Assignment[any]{Name: task, Payload: payload})
}

// PerformTask is [Perform] for a task whose other fields matter. ID, TID, Time and Attempt are plausible ones where they are
// zero.
func PerformTask[T any](task plugin.Assignment[T]) (worker.Performed, error) {
	given, err := convert.Task(task.Name, task.Payload, task.Key, task.Headers)
	if err != nil {
		return worker.Performed{}, err
	}
	if task.Time.IsZero() {
		task.Time = time.UnixMilli(0)
	}
	result := entry.Perform(contract.Assignment{
		Name:    task.Name,
		Id:      cmp.Or(task.ID, "sample-id"),
		Tid:     cmp.Or(task.TID, "sample-tid"),
		Time:    uint64(task.Time.UnixMilli()),
		Attempt: cmp.Or(task.Attempt, 1),
		Payload: given.Payload,
		Key:     given.Key,
		Headers: given.Headers,
	})
	if result.Tag() == wit.ResultErr {
		return worker.Performed{}, failure(result.Err())
	}
	performed := worker.Performed{Tasks: emitted(result.Ok().Tasks)}
	for _, event := range result.Ok().Announcements {
		performed.Announcements = append(performed.Announcements, worker.Announcement{
			Name: event.Name, Payload: json.RawMessage(event.Payload), Headers: headers(event.Headers),
		})
	}
	return performed, nil
}

func emitted(given []contract.Task) []plugin.Task {
	var tasks []plugin.Task
	for _, task := range given {
		tasks = append(tasks, plugin.Task{
			Name: task.Name, Payload: json.RawMessage(task.Payload), Key: task.Key.SomeOr(""), Headers: headers(task.Headers),
		})
	}
	return tasks
}

func headers(given []contract.Header) map[string]string {
	if len(given) == 0 {
		return nil
	}
	return convert.Headers(given)
}

// Equal fails the test unless the tasks are the same, whatever the types and the order of fields of their payloads.
func Equal(t testing.TB, got, want []plugin.Task) {
	t.Helper()
	equal(t, "tasks", written(t, got), written(t, want))
}

// EqualPerformed fails the test unless the announcements and the tasks are the same, likewise.
func EqualPerformed(t testing.TB, got, want worker.Performed) {
	t.Helper()
	events := func(performed worker.Performed) []plugin.Task {
		var events []plugin.Task
		for _, event := range performed.Announcements {
			events = append(events, plugin.Task{Name: event.Name, Payload: event.Payload, Headers: event.Headers})
		}
		return events
	}
	equal(t, "announcements", written(t, events(got)), written(t, events(want)))
	equal(t, "tasks", written(t, got.Tasks), written(t, want.Tasks))
}

func equal(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("the %s are\n%s\nand should be\n%s", what, got, want)
	}
}

// Settings sets the plugin's settings, all of them, until the test ends. Tests that set some cannot run in parallel.
func Settings(t testing.TB, all map[string]string) {
	t.Helper()
	before := settings.Replace(all)
	t.Cleanup(func() { settings.Replace(before) })
}

// HTTP has a function answer each request of [http.Send] until the test ends. Tests that do so cannot run in parallel.
func HTTP(t testing.TB, answer func(http.Request) (http.Response, error)) {
	t.Helper()
	before := standin.ReplaceAnswer(func(request any) (any, error) { return answer(request.(http.Request)) })
	t.Cleanup(func() { standin.ReplaceAnswer(before) })
}

// Buckets makes empty buckets of these names, and no others, until the test ends, for keyvalue.Open. Tests that do so cannot
// run in parallel.
func Buckets(t testing.TB, names ...string) {
	t.Helper()
	t.Cleanup(standin.ReplaceBuckets(names...))
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
