// Package entry has the functions that a component's exports call. The packages that an author imports set them.
package entry

import (
	"leveret/plugin/internal/bindings/leveret_plugin_manifest"
	"leveret/plugin/internal/bindings/leveret_plugin_timekeeper"
	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	wit "leveret/plugin/internal/wit/types"
)

// Describe is `manifest.describe`.
var Describe func() leveret_plugin_manifest.Description

// Subscriptions are those of the description.
var Subscriptions = func() []leveret_plugin_manifest.Subscription { return nil }

// Performs are the tasks of the description that the plugin performs.
var Performs = func() []leveret_plugin_manifest.Shape { return nil }

// Failure is what becomes of the message where a handler returns an error.
var Failure func(error) contract.Failure

// OnEvent is `subscriber.on-event`.
var OnEvent func(contract.Event) wit.Result[[]contract.Task, contract.Failure]

// Perform is `worker.perform`.
var Perform func(contract.Assignment) wit.Result[contract.Performed, contract.Failure]

// Recover is `recovery.recover`.
var Recover func(contract.Message, []contract.FailedAttempt) wit.Result[[]contract.Task, string]

// Healthy is `probe.healthy`.
var Healthy func() wit.Result[wit.Unit, string]

// Timetable is `timekeeper.timetable`.
var Timetable func() []leveret_plugin_timekeeper.TimedEvent
