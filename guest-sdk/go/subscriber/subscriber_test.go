package subscriber_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"leveret/plugin"
	"leveret/plugin/internal/entry"
	"leveret/plugin/plugintest"
	"leveret/plugin/subscriber"
)

type payment struct {
	Email  string `json:"email"`
	Amount uint64 `json:"amount"`
}

type email struct {
	To       string `json:"to"`
	Template string `json:"template"`
}

func init() {
	plugin.Describe(plugin.Description{
		Version: "1.4.2",
		Summary: "Thanks people.",
		Emits:   []plugin.Shape{{Name: "email.send"}, {Name: "note.make", Schema: `{"type": "object"}`}},
		Limits:  plugin.Limits{Time: 1500 * time.Microsecond, Memory: 1 << 20, Prefetch: 7},
	})
	subscriber.Handle("payment.processed", thank)
	subscriber.Handle("fact.told", tell, plugin.Schema(`{}`))
	subscriber.Handle("nonsense.wanted", talkNonsense)
}

func thank(event plugin.Event[payment]) ([]plugin.Task, error) {
	if event.Payload.Amount == 0 {
		return nil, fmt.Errorf("not thanking: %w", plugin.Reject("a payment of nothing"))
	}
	template, set := plugin.Setting("template")
	if !set {
		return nil, plugin.Retry("no template is set").After(time.Minute)
	}
	return []plugin.Task{{
		Name:    "email.send",
		Payload: email{event.Payload.Email, template},
		Key:     event.Payload.Email,
		Headers: map[string]string{"b": "2", "a": "1"},
	}}, nil
}

func tell(event plugin.Event[json.RawMessage]) ([]plugin.Task, error) {
	facts := []any{event.Name, event.ID, event.TID, event.Time.UnixMilli(), event.Source, event.Headers, event.Payload}
	return []plugin.Task{{Name: "note.make", Payload: facts}, {Name: "note.make", Payload: event.Payload}}, nil
}

func talkNonsense(plugin.Event[any]) ([]plugin.Task, error) {
	return []plugin.Task{{Name: "note.make", Payload: func() {}}}, nil
}

func TestATaskComesOfAnEvent(t *testing.T) {
	plugintest.Settings(t, map[string]string{"template": "thanks"})
	tasks, err := plugintest.Deliver("payment.processed", payment{"ada@example.org", 4200})
	if err != nil {
		t.Fatal(err)
	}
	plugintest.Equal(t, tasks, []plugin.Task{{
		Name:    "email.send",
		Payload: map[string]any{"template": "thanks", "to": "ada@example.org"},
		Key:     "ada@example.org",
		Headers: map[string]string{"a": "1", "b": "2"},
	}})
}

func TestFailuresReachTheTest(t *testing.T) {
	_, err := plugintest.Deliver("payment.processed", payment{"ada@example.org", 0})
	var rejected *plugin.RejectError
	if !errors.As(err, &rejected) || err.Error() != "not thanking: a payment of nothing" {
		t.Errorf("it is not rejected but %v", err)
	}
	_, err = plugintest.Deliver("payment.processed", payment{"ada@example.org", 1})
	var retried *plugin.RetryError
	if !errors.As(err, &retried) {
		t.Fatalf("it is not retried but %v", err)
	}
	if delay, given := retried.Delay(); !given || delay != time.Minute {
		t.Errorf("it waits %v, %v", delay, given)
	}
}

func TestAMisfitAndAnEventThatNobodyWantsAreRejected(t *testing.T) {
	for _, test := range []struct{ event, payload, reason string }{
		{"payment.processed", `{"amount": 1}`, "the payload does not fit: email: missing"},
		{"payment.refused", `{}`, "the plugin has no subscriber of payment.refused"},
		{"nonsense.wanted", `{}`, "the payload of task note.make is not JSON: json: unsupported type: func()"},
	} {
		_, err := plugintest.Deliver(test.event, json.RawMessage(test.payload))
		var rejected *plugin.RejectError
		if !errors.As(err, &rejected) || err.Error() != test.reason {
			t.Errorf("%s: %v", test.event, err)
		}
	}
}

func TestAnEventReachesItsHandlerWhole(t *testing.T) {
	tasks, err := plugintest.DeliverEvent(plugin.Event[json.RawMessage]{
		Name: "fact.told", ID: "id-1", TID: "tid-1", Time: time.UnixMilli(1500), Source: "cream",
		Headers: map[string]string{"traceparent": "00-1"}, Payload: json.RawMessage(`{"a<b": 1.50}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	whole := `["fact.told","id-1","tid-1",1500,"cream",{"traceparent":"00-1"},{"a<b":1.50}]`
	if got := string(tasks[0].Payload.(json.RawMessage)); got != whole {
		t.Errorf("it is %s", got)
	}
	if got := string(tasks[1].Payload.(json.RawMessage)); got != `{"a<b": 1.50}` {
		t.Errorf("a JSON text became %s", got)
	}
}

func TestTheDescriptionSaysWhatWasRegistered(t *testing.T) {
	described := fmt.Sprintf("%v", entry.Describe())
	for _, part := range []string{"1.4.2", "Thanks people.", "{payment.processed {false }}", "{fact.told {true {}}}",
		`{note.make {true {"type": "object"}}}`, "{{true 2} {true 1048576} {true 7} {false 0}}"} {
		if !strings.Contains(described, part) {
			t.Errorf("%s lacks %s", described, part)
		}
	}
}

func TestASecondHandlerOfOneEventIsAPanic(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); text != "plugin: fact.told has two handlers" {
			t.Errorf("it says %s", text)
		}
	}()
	subscriber.Handle("fact.told", tell)
}
