package keyvalue

import (
	"errors"

	"leveret/plugin/internal/bindings/wasi_keyvalue_atomics"
	store "leveret/plugin/internal/bindings/wasi_keyvalue_store"
	wit "leveret/plugin/internal/wit/types"
)

type opened struct{ bucket *store.Bucket }

func open(name string) (opened, error) {
	bucket, err := unwrapped(store.Open(name))
	return opened{bucket}, err
}

func (opened opened) get(key string) ([]byte, bool, error) {
	value, err := unwrapped(opened.bucket.Get(key))
	if err != nil || value.Tag() == wit.OptionNone {
		return nil, false, err
	}
	return value.Some(), true, nil
}

func (opened opened) set(key string, value []byte) error {
	_, err := unwrapped(opened.bucket.Set(key, value))
	return err
}

func (opened opened) remove(key string) error {
	_, err := unwrapped(opened.bucket.Delete(key))
	return err
}

func (opened opened) exists(key string) (bool, error) {
	return unwrapped(opened.bucket.Exists(key))
}

func (opened opened) list(page *uint64) ([]string, *uint64, error) {
	cursor := wit.None[uint64]()
	if page != nil {
		cursor = wit.Some(*page)
	}
	given, err := unwrapped(opened.bucket.ListKeys(cursor))
	if err != nil || given.Cursor.Tag() == wit.OptionNone {
		return given.Keys, nil, err
	}
	next := given.Cursor.Some()
	return given.Keys, &next, nil
}

func (opened opened) increment(key string, delta uint64) (uint64, error) {
	return unwrapped(wasi_keyvalue_atomics.Increment(opened.bucket, key, delta))
}

func (opened opened) close() { opened.bucket.Drop() }

func unwrapped[T any](result wit.Result[T, store.Error]) (T, error) {
	if result.Tag() == wit.ResultOk {
		return result.Ok(), nil
	}
	var none T
	switch err := result.Err(); err.Tag() {
	case store.ErrorOther:
		return none, errors.New(err.Other())
	default:
		return none, errors.New("it is not granted: the operator lists it under `buckets` in [plugin.NAME.grants.keyvalue]")
	}
}
