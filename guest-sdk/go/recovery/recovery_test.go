package recovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"leveret/plugin"
	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	"leveret/plugin/internal/entry"
	wit "leveret/plugin/internal/wit/types"
)

func complain(message Message, attempts []Attempt) ([]plugin.Task, error) {
	if message.Event == nil {
		return nil, fmt.Errorf("task %s: %w", message.Task.Name, errors.New("no way out"))
	}
	last := attempts[len(attempts)-1]
	payload := []any{message.Event.ID, message.Event.Payload, last.Attempt, last.Time.UnixMilli(), last.Version, last.Reason}
	return []plugin.Task{{Name: "complaint.file", Payload: payload}}, nil
}

func TestAMessageAndItsAttemptsReachTheHandlerAndItsTasksTheHost(t *testing.T) {
	Handle(complain)
	event := contract.Event{Name: "user.authorized", Id: "id-1", Payload: `{"user":7}`}
	failed := []contract.FailedAttempt{{Attempt: 3, Time: 1500, Version: "1", Reason: "busy"}}
	result := entry.Recover(contract.MakeMessageEvent(event), failed)
	if result.Tag() != wit.ResultOk {
		t.Fatal(result.Err())
	}
	want := `["id-1",{"user":7},3,1500,"1","busy"]`
	if tasks := result.Ok(); len(tasks) != 1 || tasks[0].Name != "complaint.file" || tasks[0].Payload != want {
		t.Errorf("the tasks are %v", tasks)
	}
}

func TestAnErrorIsAText(t *testing.T) {
	Handle(complain)
	result := entry.Recover(contract.MakeMessageTask(contract.Assignment{Name: "email.send", Key: wit.Some("k")}), nil)
	if result.Tag() != wit.ResultErr || result.Err() != "task email.send: no way out" {
		t.Errorf("the result is %v", result)
	}
}

func TestATaskReachesTheHandlerWhole(t *testing.T) {
	var got *plugin.Assignment[json.RawMessage]
	Handle(func(message Message, _ []Attempt) ([]plugin.Task, error) {
		got = message.Task
		return nil, nil
	})
	entry.Recover(contract.MakeMessageTask(contract.Assignment{
		Name: "email.send", Id: "id-1", Tid: "tid-1", Time: 1500, Attempt: 2, Payload: "[7]", Key: wit.Some("k"),
		Headers: []contract.Header{{Name: "a", Value: "1"}, {Name: "a", Value: "2"}},
	}), nil)
	facts := fmt.Sprint(got.Name, got.ID, got.TID, got.Time.UnixMilli(), got.Attempt, string(got.Payload), got.Key, got.Headers)
	if want := "email.sendid-1tid-11500 2[7]kmap[a:1]"; facts != want {
		t.Errorf("it is %s", facts)
	}
}
