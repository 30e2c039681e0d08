//go:build !wasm

// Package standin is what a native test gives in place of the host.
package standin

import "sync"

var (
	lock    sync.Mutex
	answer  func(request any) (any, error)
	buckets map[string]*Bucket
)

// Bucket is the values of one bucket.
type Bucket struct {
	sync.Mutex
	Values map[string][]byte
}

// Answer answers an HTTP request by what the test gave; nil without it.
func Answer() func(request any) (any, error) {
	lock.Lock()
	defer lock.Unlock()
	return answer
}

// ReplaceAnswer puts another answer in place, and returns the one before.
func ReplaceAnswer(with func(request any) (any, error)) (before func(request any) (any, error)) {
	lock.Lock()
	defer lock.Unlock()
	before, answer = answer, with
	return before
}

// Open is the bucket of this name, if the test made it.
func Open(name string) (*Bucket, bool) {
	lock.Lock()
	defer lock.Unlock()
	bucket, found := buckets[name]
	return bucket, found
}

// ReplaceBuckets puts empty buckets of these names in place of all, and returns what puts those before back.
func ReplaceBuckets(names ...string) (restore func()) {
	lock.Lock()
	defer lock.Unlock()
	before := buckets
	buckets = map[string]*Bucket{}
	for _, name := range names {
		buckets[name] = &Bucket{Values: map[string][]byte{}}
	}
	return func() {
		lock.Lock()
		defer lock.Unlock()
		buckets = before
	}
}
