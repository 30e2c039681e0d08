package timekeeper

import (
	"testing"
	"time"

	contract "leveret/plugin/internal/bindings/leveret_plugin_timekeeper"
	"leveret/plugin/internal/entry"
)

func TestTheTimetableReachesTheHost(t *testing.T) {
	Announce(
		Event{Name: "report.due", Cron: "30 8 * * MON-FRI", Zone: "Europe/Berlin", Missed: Skip},
		Event{Name: "cache.expired", Every: 90 * time.Second, Offset: 7 * time.Second},
		Event{Name: "year.ended", At: time.UnixMilli(5000), Missed: All},
	)
	timed := entry.Timetable()
	if len(timed) != 3 {
		t.Fatalf("the timetable is %v", timed)
	}
	report, cache, year := timed[0], timed[1], timed[2]
	if report.Schedule.Cron() != "30 8 * * MON-FRI" || report.Zone.Some() != "Europe/Berlin" || report.Missed != contract.MissedSkip {
		t.Errorf("the report is due %v", report)
	}
	if cache.Schedule.Every() != (contract.Interval{Length: 90_000, Offset: 7_000}) || cache.Missed != contract.MissedOnce {
		t.Errorf("the cache expires %v", cache)
	}
	if year.Schedule.At() != 5000 || year.Missed != contract.MissedAll {
		t.Errorf("the year ends %v", year)
	}
}
