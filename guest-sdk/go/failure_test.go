package plugin

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	wit "leveret/plugin/internal/wit/types"
)

func retry(reason string) contract.Failure {
	return contract.MakeFailureRetry(contract.Retry{Reason: reason})
}

func retryAfter(reason string, milliseconds uint64) contract.Failure {
	return contract.MakeFailureRetry(contract.Retry{Reason: reason, After: wit.Some(milliseconds)})
}

func TestErrorsSayWhatBecomesOfTheMessage(t *testing.T) {
	for _, test := range []struct {
		err  error
		want contract.Failure
	}{
		{io.ErrUnexpectedEOF, retry("unexpected EOF")},
		{Retry("busy"), retry("busy")},
		{Retry(io.EOF).After(time.Minute), retryAfter("EOF", 60_000)},
		{Retry("at once").After(0), retryAfter("at once", 0)},
		{Retry("the past").After(-time.Second), retryAfter("the past", 0)},
		{Retry("a moment").After(time.Microsecond), retryAfter("a moment", 1)},
		{Reject("broken"), contract.MakeFailureReject("broken")},
		{fmt.Errorf("order 7: %w", Reject("broken")), contract.MakeFailureReject("order 7: broken")},
		{fmt.Errorf("order 7: %w", Retry("busy").After(time.Second)), retryAfter("order 7: busy", 1_000)},
		{Reject(Retry("busy")), contract.MakeFailureReject("busy")},
		{Retry(Reject("broken")), retry("broken")},
		{errors.Join(io.EOF, Reject("broken")), contract.MakeFailureReject("EOF\nbroken")},
	} {
		if got := contractFailure(test.err); got != test.want {
			t.Errorf("%#v is %v and not %v", test.err, got, test.want)
		}
	}
}

func TestAReasonIsFoundInAFailure(t *testing.T) {
	if err := error(Retry(fmt.Errorf("asking: %w", io.EOF)).After(time.Second)); !errors.Is(err, io.EOF) {
		t.Error("a retry hides its reason")
	}
	if err := error(Reject(io.EOF)); !errors.Is(err, io.EOF) {
		t.Error("a rejection hides its reason")
	}
}
