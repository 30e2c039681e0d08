//go:build !wasm

package keyvalue

import (
	"errors"
	"maps"
	"slices"
	"strconv"

	"leveret/plugin/internal/standin"
)

type opened struct{ bucket *standin.Bucket }

func open(name string) (opened, error) {
	bucket, found := standin.Open(name)
	if !found {
		return opened{}, errors.New("it is not granted; a test makes buckets by plugintest.Buckets")
	}
	return opened{bucket}, nil
}

func (opened opened) get(key string) ([]byte, bool, error) {
	opened.bucket.Lock()
	defer opened.bucket.Unlock()
	value, found := opened.bucket.Values[key]
	return slices.Clone(value), found, nil
}

func (opened opened) set(key string, value []byte) error {
	opened.bucket.Lock()
	defer opened.bucket.Unlock()
	opened.bucket.Values[key] = slices.Clone(value)
	return nil
}

func (opened opened) remove(key string) error {
	opened.bucket.Lock()
	defer opened.bucket.Unlock()
	delete(opened.bucket.Values, key)
	return nil
}

func (opened opened) exists(key string) (bool, error) {
	_, found, err := opened.get(key)
	return found, err
}

// list gives one key a page, so that a test sees that pages are put together.
func (opened opened) list(page *uint64) ([]string, *uint64, error) {
	opened.bucket.Lock()
	defer opened.bucket.Unlock()
	keys := slices.Sorted(maps.Keys(opened.bucket.Values))
	var at uint64
	if page != nil {
		at = *page
	}
	if at >= uint64(len(keys)) {
		return nil, nil, nil
	}
	next := at + 1
	return keys[at:next], &next, nil
}

func (opened opened) increment(key string, delta uint64) (uint64, error) {
	opened.bucket.Lock()
	defer opened.bucket.Unlock()
	var sum uint64
	if value, found := opened.bucket.Values[key]; found {
		present, err := strconv.ParseUint(string(value), 10, 64)
		if err != nil {
			return 0, errors.New("the value is not a number that can be counted up")
		}
		sum = present
	}
	sum += delta
	opened.bucket.Values[key] = strconv.AppendUint(nil, sum, 10)
	return sum, nil
}

func (opened opened) close() {}
