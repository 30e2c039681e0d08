// Package convert goes between the contract's values and those that authors see.
package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	wit "leveret/plugin/internal/wit/types"
)

// Task is a task as the host takes it. Its headers are in the order of their names, so that the same task is always the
// same bytes.
func Task(name string, payload any, key string, headers map[string]string) (contract.Task, error) {
	text, err := jsonText(payload)
	if err != nil {
		return contract.Task{}, fmt.Errorf("the payload of task %s is not JSON: %w", name, err)
	}
	return contract.Task{Name: name, Payload: text, Key: Text(key), Headers: sorted(headers)}, nil
}

// Announcement is an event that is announced, likewise.
func Announcement(name string, payload any, headers map[string]string) (contract.Announcement, error) {
	text, err := jsonText(payload)
	if err != nil {
		return contract.Announcement{}, fmt.Errorf("the payload of event %s is not JSON: %w", name, err)
	}
	return contract.Announcement{Name: name, Payload: text, Headers: sorted(headers)}, nil
}

func sorted(headers map[string]string) []contract.Header {
	var list []contract.Header
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		list = append(list, contract.Header{Name: name, Value: headers[name]})
	}
	return list
}

// jsonText leaves `<`, `>` and `&` as they are: no browser reads this.
func jsonText(payload any) (string, error) {
	if raw, is := payload.(json.RawMessage); is && len(raw) > 0 {
		if !json.Valid(raw) {
			return "", fmt.Errorf("a json.RawMessage holds something else")
		}
		return string(raw), nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(payload); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), nil
}

// Text is a text that is absent if it is empty.
func Text(text string) wit.Option[string] {
	if text == "" {
		return wit.None[string]()
	}
	return wit.Some(text)
}

// Positive is a number that is absent if it is zero.
func Positive[N uint16 | uint32 | uint64](number N) wit.Option[N] {
	if number == 0 {
		return wit.None[N]()
	}
	return wit.Some(number)
}

// Time is a moment that is given in milliseconds since 1970-01-01 UTC.
func Time(milliseconds uint64) time.Time {
	return time.UnixMilli(int64(milliseconds)).UTC()
}

// Milliseconds is a duration, rounded up: half a millisecond is not none.
func Milliseconds(duration time.Duration) uint64 {
	return uint64((max(duration, 0) + time.Millisecond - 1) / time.Millisecond)
}

// Headers are headers by name; of two with one name the first counts.
func Headers(list []contract.Header) map[string]string {
	headers := make(map[string]string, len(list))
	for _, header := range slices.Backward(list) {
		headers[header.Name] = header.Value
	}
	return headers
}
