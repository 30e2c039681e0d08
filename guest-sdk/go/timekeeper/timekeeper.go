// Package timekeeper has the host announce events of the plugin's because time has come.
//
// Importing it makes the component export `timekeeper`, so import it only to call [Announce].
package timekeeper

import (
	"time"

	_ "leveret/plugin" // a plugin has a description, whatever else it has

	contract "leveret/plugin/internal/bindings/leveret_plugin_timekeeper"
	"leveret/plugin/internal/entry"
	"leveret/plugin/internal/stop"
	wit "leveret/plugin/internal/wit/types"
)

// Event is an event and when it is due: by Cron, or else by Every, or else at At. What is announced is an object with the
// `tick`, the `period`, and how many ticks were `missed` before it.
type Event struct {
	// Name is the event's full one. It stands under [leveret/plugin.Description.Announces], too.
	Name string
	// Cron is an expression: five fields such as `30 8 * * MON-FRI`, or six, the first of which are seconds.
	Cron string
	// Every is the length of an interval: whole seconds, from one second to 100 years.
	Every time.Duration
	// Offset is how long after the full hour, day and so on the first of them begins.
	Offset time.Duration
	// At is the one moment at which it is due. One before 1970 counts as 1970.
	At time.Time
	// Zone is the time zone whose clocks it goes by, such as `Europe/Berlin`; empty for UTC.
	Zone string
	// Missed is what becomes of ticks that came while no host ran the plugin.
	Missed Missed
}

// Missed is what becomes of ticks that came while no host ran the plugin.
type Missed int

const (
	// Once announces the newest of them for all.
	Once Missed = iota
	// Skip announces none of them; the next one says how many they were.
	Skip
	// All announces each of them, the newest 10,000 at the most.
	All
)

var timetable []contract.TimedEvent

// Announce has the host announce these events: at most 100, each event once. Call it in an init function.
func Announce(events ...Event) {
	for _, event := range events {
		zone := wit.None[string]()
		if event.Zone != "" {
			zone = wit.Some(event.Zone)
		}
		timed := contract.TimedEvent{Event: event.Name, Schedule: schedule(event), Zone: zone, Missed: missed(event.Missed)}
		timetable = append(timetable, timed)
	}
}

func init() {
	entry.Timetable = func() []contract.TimedEvent {
		defer stop.Panicking()
		return timetable
	}
}

func schedule(event Event) contract.Schedule {
	switch {
	case event.Cron != "":
		return contract.MakeScheduleCron(event.Cron)
	case event.Every != 0:
		length, offset := milliseconds(event.Every.Milliseconds()), milliseconds(event.Offset.Milliseconds())
		return contract.MakeScheduleEvery(contract.Interval{Length: length, Offset: offset})
	default:
		return contract.MakeScheduleAt(milliseconds(event.At.UnixMilli()))
	}
}

func milliseconds(number int64) uint64 {
	return uint64(max(number, 0))
}

func missed(missed Missed) contract.Missed {
	switch missed {
	case Skip:
		return contract.MissedSkip
	case All:
		return contract.MissedAll
	default:
		return contract.MissedOnce
	}
}
