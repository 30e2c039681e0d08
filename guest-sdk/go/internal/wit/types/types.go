// Package types has the types of the contract that Go has no words for, as the generated bindings name them.
package types

// The tags of an [Option].
const (
	OptionNone = 0
	OptionSome = 1
)

// Option is a value that may be absent.
type Option[T any] struct {
	some  bool
	value T
}

// None is an absent value.
func None[T any]() Option[T] {
	return Option[T]{}
}

// Some is a value that is there.
func Some[T any](value T) Option[T] {
	return Option[T]{true, value}
}

// Tag is OptionNone or OptionSome.
func (option Option[T]) Tag() uint8 {
	if option.some {
		return OptionSome
	}
	return OptionNone
}

// Some is the value. It panics if there is none.
func (option Option[T]) Some() T {
	if !option.some {
		panic("there is no value")
	}
	return option.value
}

// SomeOr is the value, or the other one if there is none.
func (option Option[T]) SomeOr(other T) T {
	if !option.some {
		return other
	}
	return option.value
}

// The tags of a [Result].
const (
	ResultOk  = 0
	ResultErr = 1
)

// Result is a value or an error.
type Result[T, E any] struct {
	tag   uint8
	value T
	err   E
}

// Ok is a result that is a value.
func Ok[T, E any](value T) Result[T, E] {
	return Result[T, E]{tag: ResultOk, value: value}
}

// Err is a result that is an error.
func Err[T, E any](err E) Result[T, E] {
	return Result[T, E]{tag: ResultErr, err: err}
}

// Tag is ResultOk or ResultErr.
func (result Result[T, E]) Tag() uint8 {
	return result.tag
}

// Ok is the value. It panics if there is an error.
func (result Result[T, E]) Ok() T {
	if result.tag != ResultOk {
		panic("there is an error, and no value")
	}
	return result.value
}

// Err is the error. It panics if there is none.
func (result Result[T, E]) Err() E {
	if result.tag != ResultErr {
		panic("there is no error")
	}
	return result.err
}

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Unit is no value.
type Unit struct{}
