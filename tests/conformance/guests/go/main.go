// The conformance guest in Go: does what it is told.
package main

import (
	"encoding/json"
	"errors"
	"time"

	"leveret/plugin"
	"leveret/plugin/probe"
	"leveret/plugin/recovery"
	"leveret/plugin/subscriber"
	"leveret/plugin/timekeeper"
	"leveret/plugin/worker"
)

const (
	shaped    = `{"type": "object", "required": ["n"]}`
	shapeMade = `{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}`
)

func init() {
	plugin.Describe(plugin.Description{
		Version: "1.2.3",
		Summary: "Does what it is told.",
		Emits: []plugin.Shape{
			{Name: "echo.make"},
			{Name: "report.make"},
			{Name: "shape.make", Schema: shapeMade},
		},
		Announces: []plugin.Shape{
			{Name: "echo.made"},
			{Name: "report.made"},
			{Name: "shape.made", Schema: shapeMade},
		},
		Limits: plugin.Limits{Time: 5 * time.Second, Memory: 128 << 20, Prefetch: 7, Attempts: 4},
	})
	subscriber.Handle("conformance.asked", ask)
	subscriber.Handle("conformance.echoed", echo)
	subscriber.Handle("conformance.typed", typed)
	subscriber.Handle("conformance.shaped", shape, plugin.Schema(shaped))
	worker.Handle("order.obey", obey)
	worker.Handle("text.echo", echoTask)
	worker.Handle("account.check", typedTask)
	worker.Handle("shape.check", shapeTask, plugin.Schema(shaped))
	recovery.Handle(recoverMessage)
	probe.Handle(healthy)
	timekeeper.Announce(
		timekeeper.Event{Name: "report.made", Cron: "30 8 * * MON-FRI", Zone: "Europe/Berlin", Missed: timekeeper.Skip},
		timekeeper.Event{Name: "echo.made", Every: 90 * time.Second, Offset: 7 * time.Second},
		timekeeper.Event{Name: "shape.made", At: time.UnixMilli(5000), Missed: timekeeper.All},
	)
}

func main() {}

type object = map[string]any

func report(payload object) ([]plugin.Task, error) {
	return []plugin.Task{{Name: "report.make", Payload: payload}}, nil
}

func echo(event plugin.Event[json.RawMessage]) ([]plugin.Task, error) {
	return []plugin.Task{{Name: "echo.make", Payload: event.Payload}}, nil
}

type account struct {
	Email  string `json:"email"`
	Amount int64  `json:"amount"`
}

func typed(event plugin.Event[account]) ([]plugin.Task, error) {
	return []plugin.Task{{Name: "echo.make", Payload: event.Payload}}, nil
}

func shape(plugin.Event[json.RawMessage]) ([]plugin.Task, error) {
	return nil, nil
}

func recoverMessage(message recovery.Message, attempts []recovery.Attempt) ([]plugin.Task, error) {
	var id string
	var payload json.RawMessage
	if message.Event != nil {
		id, payload = message.Event.ID, message.Event.Payload
	} else {
		id, payload = message.Task.ID, message.Task.Payload
	}
	asked, err := plugin.Decode[struct {
		Recover string `json:"recover,omitempty"`
	}](payload)
	if err != nil {
		return nil, err
	}
	if asked.Recover == "fail" {
		return nil, errors.New("no way out")
	}
	failed := []object{}
	for _, attempt := range attempts {
		failed = append(failed, object{
			"attempt": attempt.Attempt,
			"time":    attempt.Time.UnixMilli(),
			"version": attempt.Version,
			"reason":  attempt.Reason,
		})
	}
	return report(object{"recovered": id, "attempts": failed})
}

func healthy() error {
	if ill, set := plugin.Setting("ill"); set {
		return errors.New(ill)
	}
	return nil
}
