package plugin

import "time"

// Event is a notice that something happened, with its payload as a T.
type Event[T any] struct {
	// Name is the full name, such as `org.payment.processed`.
	Name string
	// ID is what makes it the same event, however often it is delivered.
	ID string
	// TID is the transaction ID: the same on everything that one first event causes.
	TID string
	// Time is when it was published, in UTC.
	Time time.Time
	// Source is the application that published it, or empty if it does not say. Anyone can claim anything here: do not
	// base trust on it.
	Source string
	// Headers are what the fields above do not foresee, by name.
	Headers map[string]string
	// Payload is what the publisher says about it. As a json.RawMessage it is the text itself.
	Payload T
}

// Assignment is a task as a worker receives it, with its payload as a T: what its creator gave, and what the host knows.
type Assignment[T any] struct {
	// Name is the task's name within the application.
	Name string
	// ID is what makes it the same task, however often it is delivered.
	ID string
	// TID is the transaction ID: the same on everything that one first event causes.
	TID string
	// Time is when it was created, in UTC.
	Time time.Time
	// Attempt is the number of this attempt, from 1; in a recovery, that of the last one.
	Attempt uint32
	// Key is the ordering key, or empty.
	Key string
	// Headers are what the fields above do not foresee, by name.
	Headers map[string]string
	// Payload is what its creator gave. As a json.RawMessage it is the text itself.
	Payload T
}
