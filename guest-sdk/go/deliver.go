package plugin

import (
	"errors"

	"leveret/plugin/internal/bindings/leveret_plugin_manifest"
	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	"leveret/plugin/internal/convert"
	"leveret/plugin/internal/entry"
	"leveret/plugin/internal/stop"
	wit "leveret/plugin/internal/wit/types"
)

// The way between the component's exports and the author's functions.
func init() {
	entry.Describe = describe
	entry.OnEvent = onEvent
}

func describe() leveret_plugin_manifest.Description {
	description := leveret_plugin_manifest.Description{
		Version: described.Version,
		Summary: described.Summary,
		Limits: leveret_plugin_manifest.Limits{
			Time:     convert.Positive(convert.Milliseconds(described.Limits.Time)),
			Memory:   convert.Positive(described.Limits.Memory),
			Prefetch: convert.Positive(described.Limits.Prefetch),
			Attempts: convert.Positive(described.Limits.Attempts),
		},
	}
	for _, subscribed := range subscriptions {
		description.Subscriptions = append(description.Subscriptions, leveret_plugin_manifest.Subscription{
			Event: subscribed.event, Schema: convert.Text(subscribed.schema),
		})
	}
	for _, shape := range described.Emits {
		description.Emits = append(description.Emits, leveret_plugin_manifest.Shape{
			Name: shape.Name, Schema: convert.Text(shape.Schema),
		})
	}
	return description
}

// onEvent hands the event to the handler that subscribed to it.
func onEvent(given contract.Event) wit.Result[[]contract.Task, contract.Failure] {
	defer stop.Panicking()
	tasks, err := handle(given)
	if err != nil {
		return wit.Err[[]contract.Task](contractFailure(err))
	}
	return wit.Ok[[]contract.Task, contract.Failure](tasks)
}

func handle(given contract.Event) ([]contract.Task, error) {
	subscribed, found := subscriptions.find(given.Name)
	if !found {
		return nil, Reject("the plugin has no subscriber of " + given.Name)
	}
	tasks, err := subscribed.handle(Event[string]{
		Name:    given.Name,
		ID:      given.Id,
		TID:     given.Tid,
		Time:    convert.Time(given.Time),
		Source:  given.Source.SomeOr(""),
		Headers: convert.Headers(given.Headers),
		Payload: given.Payload,
	})
	if err != nil {
		return nil, err
	}
	emitted := make([]contract.Task, len(tasks))
	for i, task := range tasks {
		emitted[i], err = convert.Task(task.Name, task.Payload, task.Key, task.Headers)
		if err != nil {
			return nil, Reject(err)
		}
	}
	return emitted, nil
}

// contractFailure is what the outermost RetryError or RejectError says, with the text of the whole error around it.
func contractFailure(err error) contract.Failure {
	retry := contract.Retry{Reason: err.Error()}
	var outermost failure
	if errors.As(err, &outermost) {
		switch outermost := outermost.(type) {
		case *RejectError:
			return contract.MakeFailureReject(err.Error())
		case *RetryError:
			if delay, given := outermost.Delay(); given {
				retry.After = wit.Some(convert.Milliseconds(delay))
			}
		}
	}
	return contract.MakeFailureRetry(retry)
}
