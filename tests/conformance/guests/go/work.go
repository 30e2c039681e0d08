package main

import (
	"encoding/json"
	"errors"

	"leveret/plugin"
	"leveret/plugin/worker"
)

func echoTask(task plugin.Assignment[json.RawMessage]) (worker.Performed, error) {
	return announce("echo.made", task.Payload), nil
}

func typedTask(task plugin.Assignment[account]) (worker.Performed, error) {
	return announce("echo.made", task.Payload), nil
}

func shapeTask(plugin.Assignment[json.RawMessage]) (worker.Performed, error) {
	return worker.Performed{}, nil
}

func obey(task plugin.Assignment[order]) (worker.Performed, error) {
	switch asked := task.Payload; asked.Do {
	case "facts":
		return announce("report.made", taskFacts(task)), nil
	case "announce":
		var performed worker.Performed
		for number := range asked.Count {
			event := worker.Announcement{Name: "echo.made", Payload: object{"number": number + 1}}
			performed.Announcements = append(performed.Announcements, event)
		}
		return performed, nil
	case "create":
		var performed worker.Performed
		for number := range asked.Count {
			created := plugin.Task{Name: "echo.make", Payload: object{"number": number + 1}}
			performed.Tasks = append(performed.Tasks, created)
		}
		return performed, nil
	case "both":
		blue, green := map[string]string{"colour": "blue"}, map[string]string{"colour": "green"}
		return worker.Performed{
			Announcements: []worker.Announcement{{Name: "echo.made", Payload: object{}, Headers: blue}},
			Tasks:         []plugin.Task{{Name: "echo.make", Payload: object{}, Key: "k-1", Headers: green}},
		}, nil
	case "undeclared":
		return announce("other.made", object{}), nil
	case "misshapen":
		return announce("shape.made", object{"n": "one"}), nil
	case "retry":
		return worker.Performed{}, retry(asked)
	case "reject":
		return worker.Performed{}, plugin.Reject(asked.Reason)
	case "error":
		return worker.Performed{}, errors.New("boom")
	case "panic":
		panic("boom")
	case "world":
		seen, err := world()
		if err != nil {
			return worker.Performed{}, err
		}
		return announce("report.made", seen), nil
	case "setting":
		return announce("report.made", setting(asked.Name)), nil
	default:
		return worker.Performed{}, plugin.Reject("nobody knows how to " + asked.Do)
	}
}

func announce(name string, payload any) worker.Performed {
	return worker.Performed{Announcements: []worker.Announcement{{Name: name, Payload: payload}}}
}

func taskFacts(task plugin.Assignment[order]) object {
	key := any(task.Key)
	if task.Key == "" {
		key = nil
	}
	return object{
		"name":    task.Name,
		"id":      task.ID,
		"tid":     task.TID,
		"time":    task.Time.UnixMilli(),
		"attempt": task.Attempt,
		"key":     key,
		"headers": task.Headers,
	}
}
