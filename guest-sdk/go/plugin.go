// Package plugin is for writing Leveret plugins in Go.
//
// A plugin turns events into tasks of its own application (a subscriber), performs such tasks and announces what happened (a
// worker), or both. Its author writes an ordinary function for each event and each task, and registers it in an init function
// by one of the packages leveret/plugin/subscriber and leveret/plugin/worker; main is empty, and is never run:
//
//	type Payment struct {
//		Email  string `json:"email"`
//		Amount uint64 `json:"amount"`
//	}
//
//	type Email struct {
//		To       string `json:"to"`
//		Template string `json:"template"`
//	}
//
//	func init() {
//		plugin.Describe(plugin.Description{
//			Version: "0.1.0",
//			Summary: "Thanks people for their payments.",
//			Emits:   []plugin.Shape{{Name: "email.send"}},
//		})
//		subscriber.Handle("org.payment.processed", thank)
//	}
//
//	func thank(event plugin.Event[Payment]) ([]plugin.Task, error) {
//		if event.Payload.Amount == 0 {
//			return nil, plugin.Reject("a payment of nothing")
//		}
//		return []plugin.Task{{Name: "email.send", Payload: Email{event.Payload.Email, "thanks"}}}, nil
//	}
//
//	func main() {}
//
// # Failing
//
// An error means retry: the message waits in the broker and is tried again. [Retry] says so with a reason, and when;
// [Reject] means never: the message becomes a dead letter at once. Both may be wrapped. A payload that does not fit the
// function's type is rejected with the path to what does not: see [Decode]. A panic counts as a retry, with its text as the
// reason, and ends the instance.
//
// # Logging
//
// log/slog's default logger, and so the package log, writes to the operator's log, and so does what is printed.
//
// # A last chance, health, and time
//
// The packages leveret/plugin/recovery, leveret/plugin/probe and leveret/plugin/timekeeper add what is optional. As with subscriber and worker,
// importing one is what makes the component export it.
//
// # The world
//
// A worker has of it what the operator grants. The packages leveret/plugin/http and leveret/plugin/keyvalue make requests and
// keep values; using one is what makes the component import it. Secrets are settings: see [Setting].
//
// # Testing
//
// Handlers are plain functions, so a plain test calls them, natively. The package leveret/plugin/plugintest delivers events
// and tasks to them as the host does.
package plugin

import (
	"time"
)

// Description is what the host needs to know before it lets a plugin in, beside what it handles.
type Description struct {
	// Version is for people: `1.4.2`, a date, a commit. 1 to 64 bytes.
	Version string
	// Summary is one line for people: what the plugin does. At most 1,024 bytes.
	Summary string
	// Emits has the tasks that the plugin may create. Emitting another one fails the delivery.
	Emits []Shape
	// Announces has the events that the plugin's workers and its timetable may announce. Announcing another one fails the delivery.
	Announces []Shape
	// Limits are what the plugin asks for.
	Limits Limits
}

// Shape is the name of a task or an event, and what its payloads look like.
type Shape struct {
	// Name is relative to the application if it is a task's, and an event's full one.
	Name string
	// Schema is a JSON Schema (draft 2020-12) as a JSON text, or empty. It is at most 64 KiB, and refers only to its own
	// parts and never to itself. A payload that does not fit fails the delivery, as a retry.
	Schema string
}

// Limits are what a plugin asks for; zero means the operator's default. More than the operator allows is cut to that.
type Limits struct {
	// Time is the longest that a delivery may take, in wall-clock time; whole milliseconds count.
	Time time.Duration
	// Memory is the most that a delivery may use, in bytes. Go's runtime takes some 3 MiB of it.
	Memory uint64
	// Prefetch is how many messages of one subscription may be in work at a time.
	Prefetch uint16
	// Attempts is after how many failed ones a message becomes a dead letter.
	Attempts uint32
}

var described Description

// Describe says what the plugin is. Call it once, in an init function.
func Describe(description Description) {
	described = description
}

// HandlerOption is something more about a handler of events or of tasks: a [Schema].
type HandlerOption interface{ isHandlerOption() }

// Schema is the JSON Schema that payloads of an event or a task must fit, as a JSON text: see [Shape]. A message that does
// not fit becomes a dead letter that says where it does not, and the handler does not run.
type Schema string

func (Schema) isHandlerOption() {}
