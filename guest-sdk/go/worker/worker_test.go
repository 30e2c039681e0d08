package worker_test

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
	"leveret/plugin/worker"
)

type email struct {
	To string `json:"to"`
}

func init() {
	plugin.Describe(plugin.Description{
		Version:   "1.4.2",
		Emits:     []plugin.Shape{{Name: "email.count"}},
		Announces: []plugin.Shape{{Name: "email.sent", Schema: `{"type": "object"}`}, {Name: "fact.told"}},
	})
	worker.Handle("email.send", send)
	worker.Handle("fact.tell", tell, plugin.Schema(`{}`))
	worker.Handle("nonsense.talk", talkNonsense)
}

func send(task plugin.Assignment[email]) (worker.Performed, error) {
	switch task.Payload.To {
	case "nobody":
		return worker.Performed{}, fmt.Errorf("not sending: %w", plugin.Reject("nobody reads it"))
	case "later":
		return worker.Performed{}, plugin.Retry("busy").After(time.Minute)
	}
	return worker.Performed{
		Announcements: []worker.Announcement{
			{Name: "email.sent", Payload: task.Payload, Headers: map[string]string{"colour": "blue"}},
		},
		Tasks: []plugin.Task{{Name: "email.count", Payload: 1, Key: task.Payload.To}},
	}, nil
}

func tell(task plugin.Assignment[json.RawMessage]) (worker.Performed, error) {
	facts := []any{task.Name, task.ID, task.TID, task.Time.UnixMilli(), task.Attempt, task.Key, task.Headers, task.Payload}
	return worker.Performed{Announcements: []worker.Announcement{{Name: "fact.told", Payload: facts}}}, nil
}

func talkNonsense(plugin.Assignment[any]) (worker.Performed, error) {
	return worker.Performed{Announcements: []worker.Announcement{{Name: "fact.told", Payload: func() {}}}}, nil
}

func TestAnAnnouncementAndATaskComeOfATask(t *testing.T) {
	performed, err := plugintest.Perform("email.send", email{"ada@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	plugintest.EqualPerformed(t, performed, worker.Performed{
		Announcements: []worker.Announcement{{
			Name:    "email.sent",
			Payload: map[string]any{"to": "ada@example.org"},
			Headers: map[string]string{"colour": "blue"},
		}},
		Tasks: []plugin.Task{{Name: "email.count", Payload: 1, Key: "ada@example.org"}},
	})
}

func TestATaskReachesItsHandlerWhole(t *testing.T) {
	performed, err := plugintest.PerformTask(plugin.Assignment[any]{
		Name: "fact.tell", ID: "id-1", TID: "tid-1", Time: time.UnixMilli(1500), Attempt: 3, Key: "k-1",
		Headers: map[string]string{"traceparent": "00-1"}, Payload: json.RawMessage(`{"a<b": 1.50}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	whole := `["fact.tell","id-1","tid-1",1500,3,"k-1",{"traceparent":"00-1"},{"a<b":1.50}]`
	if got := string(performed.Announcements[0].Payload.(json.RawMessage)); got != whole {
		t.Errorf("it is %s", got)
	}
}

func TestFailuresReachTheTest(t *testing.T) {
	for _, test := range []struct{ task, payload, reason string }{
		{"email.send", `{"to": "nobody"}`, "not sending: nobody reads it"},
		{"email.send", `{}`, "the payload does not fit: to: missing"},
		{"email.burn", `{}`, "the plugin has no worker of email.burn"},
		{"nonsense.talk", `{}`, "the payload of event fact.told is not JSON: json: unsupported type: func()"},
	} {
		_, err := plugintest.Perform(test.task, json.RawMessage(test.payload))
		var rejected *plugin.RejectError
		if !errors.As(err, &rejected) || err.Error() != test.reason {
			t.Errorf("%s: %v", test.task, err)
		}
	}
	_, err := plugintest.Perform("email.send", email{"later"})
	var retried *plugin.RetryError
	if !errors.As(err, &retried) {
		t.Fatalf("it is not retried but %v", err)
	}
	if delay, given := retried.Delay(); !given || delay != time.Minute {
		t.Errorf("it waits %v, %v", delay, given)
	}
}

func TestTheDescriptionSaysWhatWasRegistered(t *testing.T) {
	described := fmt.Sprintf("%v", entry.Describe())
	for _, part := range []string{"{email.send {false }}", "{fact.tell {true {}}}", "{email.count {false }}",
		`{email.sent {true {"type": "object"}}}`} {
		if !strings.Contains(described, part) {
			t.Errorf("%s lacks %s", described, part)
		}
	}
	if _, err := plugintest.Deliver("user.authorized", 1); err == nil || !strings.Contains(err.Error(), "no events") {
		t.Errorf("an event gives %v", err)
	}
}

func TestASecondHandlerOfOneTaskIsAPanic(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); text != "plugin: fact.tell has two handlers" {
			t.Errorf("it says %s", text)
		}
	}()
	worker.Handle("fact.tell", tell)
}
