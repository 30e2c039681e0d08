// The conformance guest in Go: does what it is told.
package main

import (
	"encoding/json"
	"errors"
	"time"

	"leveret/plugin"
	"leveret/plugin/probe"
	"leveret/plugin/recovery"
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
		Limits: plugin.Limits{Time: 5 * time.Second, Memory: 128 << 20, Prefetch: 7, Attempts: 4},
	})
	plugin.Subscribe("conformance.asked", ask)
	plugin.Subscribe("conformance.echoed", echo)
	plugin.Subscribe("conformance.typed", typed)
	plugin.Subscribe("conformance.shaped", shape, plugin.Schema(shaped))
	recovery.Handle(recoverMessage)
	probe.Handle(healthy)
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
	if message.Event == nil {
		return nil, errors.New("this plugin has no tasks")
	}
	asked, err := plugin.Decode[struct {
		Recover string `json:"recover,omitempty"`
	}](message.Event.Payload)
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
	return report(object{"recovered": message.Event.ID, "attempts": failed})
}

func healthy() error {
	if ill, set := plugin.Setting("ill"); set {
		return errors.New(ill)
	}
	return nil
}
