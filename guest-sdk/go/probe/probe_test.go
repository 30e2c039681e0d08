package probe

import (
	"errors"
	"testing"

	"leveret/plugin/internal/entry"
	wit "leveret/plugin/internal/wit/types"
)

func TestTheReasonReachesTheHost(t *testing.T) {
	Handle(func() error { return nil })
	if result := entry.Healthy(); result.Tag() != wit.ResultOk {
		t.Errorf("it is ill: %s", result.Err())
	}
	Handle(func() error { return errors.New("the table is empty") })
	if result := entry.Healthy(); result.Tag() != wit.ResultErr || result.Err() != "the table is empty" {
		t.Errorf("the result is %v", result)
	}
}
