package plugin

import (
	"errors"
	"fmt"
	"time"

	contract "leveret/plugin/internal/bindings/leveret_plugin_types"
	"leveret/plugin/internal/convert"
	wit "leveret/plugin/internal/wit/types"
)

// RetryError says that it may work later: the message waits in the broker and is tried again, until its attempts are used
// up. Made by [Retry].
type RetryError struct {
	reason error
	after  *time.Duration
}

// Retry says that it may work later. The reason is an error, which it wraps, or a text.
//
// Any other error means the same; Retry is for a reason of one's own and for [RetryError.After].
func Retry(reason any) *RetryError {
	return &RetryError{reason: reasonError(reason)}
}

// After asks to wait this long instead of what the operator's retry policy says, rounded up to milliseconds:
// `plugin.Retry("the rates are not out yet").After(time.Minute)`. The policy's maximum comes first.
func (failure *RetryError) After(delay time.Duration) *RetryError {
	delay = max(delay, 0)
	return &RetryError{failure.reason, &delay}
}

// Delay is what After was given, if it was.
func (failure *RetryError) Delay() (delay time.Duration, given bool) {
	if failure.after == nil {
		return 0, false
	}
	return *failure.after, true
}

func (failure *RetryError) Error() string { return failure.reason.Error() }

// Unwrap gives the error that Retry was given.
func (failure *RetryError) Unwrap() error { return failure.reason }

// RejectError says that it will never work: the message becomes a dead letter at once. Made by [Reject].
type RejectError struct {
	reason error
}

// Reject says that it will never work. The reason is an error, which it wraps, or a text.
func Reject(reason any) *RejectError {
	return &RejectError{reasonError(reason)}
}

func (failure *RejectError) Error() string { return failure.reason.Error() }

// Unwrap gives the error that Reject was given.
func (failure *RejectError) Unwrap() error { return failure.reason }

func reasonError(reason any) error {
	if err, is := reason.(error); is {
		return err
	}
	return errors.New(fmt.Sprint(reason))
}

// failure is what the outermost RetryError or RejectError in an error is.
type failure interface {
	error
	isFailure()
}

func (*RetryError) isFailure()  {}
func (*RejectError) isFailure() {}

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
