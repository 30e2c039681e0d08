package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// Decode reads a JSON text into a T, as encoding/json does, but takes the type at its word. What does not fit is a
// [RejectError] with the path to it, such as `the payload does not fit: lines[1].amount: expected an integer, found "x"`.
//
//   - A struct's field must be there, under exactly its name, unless it is a pointer or its tag has omitempty or omitzero.
//   - null fits only what can be nil: a pointer, a slice, a map, an interface; and types that read JSON by themselves.
//   - Fields that the struct does not have are ignored.
//
// A json.RawMessage takes anything, and is the text itself.
func Decode[T any](text []byte) (T, error) {
	var value T
	if raw, is := any(&value).(*json.RawMessage); is {
		*raw = text
		return value, nil
	}
	if err := misfit(reflect.TypeFor[T](), text); err != nil {
		return value, misfits(err)
	}
	if err := json.Unmarshal(text, &value); err != nil {
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) && mistyped.Field != "" {
			err = fmt.Errorf("%s: expected %s, found %s", mistyped.Field, mistyped.Type, mistyped.Value)
		}
		return value, misfits(err)
	}
	return value, nil
}

func misfits(err error) error {
	return Reject(fmt.Errorf("the payload does not fit: %w", err))
}

// misfit looks for the first part of a JSON text that does not fit a type.
func misfit(wanted reflect.Type, text []byte) error {
	if wanted.Kind() == reflect.Interface {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var found any
	if err := decoder.Decode(&found); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one JSON text")
	}
	return fit(wanted, found, "")
}
