// Package keyvalue keeps values of a worker between tasks, where the operator grants it a bucket: its name is listed in
// `leveret.toml` under `buckets` in `[plugin.NAME.grants.keyvalue]`. A bucket is the application's: its plugins share it by its
// name, and no other application's can see it.
//
// Calling [Open] makes the component import `wasi:keyvalue`. A plugin that does and is no worker is refused, since subscribers
// are pure. Natively a test makes buckets: see the package leveret/plugin/plugintest.
package keyvalue

import (
	"fmt"
	"iter"
)

// Bucket is an open bucket.
type Bucket struct {
	name   string
	opened opened
}

// Open opens the bucket of this name.
func Open(name string) (*Bucket, error) {
	opened, err := open(name)
	if err != nil {
		return nil, fmt.Errorf("bucket %q: %w", name, err)
	}
	return &Bucket{name, opened}, nil
}

// Get is the value under a key, and whether there is one.
func (bucket *Bucket) Get(key string) (value []byte, found bool, err error) {
	value, found, err = bucket.opened.get(key)
	return value, found, bucket.told(err)
}

// Set puts a value under a key, in place of what was there.
func (bucket *Bucket) Set(key string, value []byte) error {
	return bucket.told(bucket.opened.set(key, value))
}

// Delete removes what is under a key, if anything is.
func (bucket *Bucket) Delete(key string) error {
	return bucket.told(bucket.opened.remove(key))
}

// Exists says whether there is a value under a key.
func (bucket *Bucket) Exists(key string) (bool, error) {
	found, err := bucket.opened.exists(key)
	return found, bucket.told(err)
}

// Increment adds to the number under a key, which is 0 where nothing is, in one step that no other plugin can come between,
// and returns the sum.
func (bucket *Bucket) Increment(key string, delta uint64) (uint64, error) {
	sum, err := bucket.opened.increment(key, delta)
	return sum, bucket.told(err)
}

// Keys are all keys, in no particular order, fetched as they are needed. After an error there are no more.
func (bucket *Bucket) Keys() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var page *uint64 // the first one
		for more := true; more; more = page != nil {
			keys, next, err := bucket.opened.list(page)
			if err != nil {
				yield("", bucket.told(err))
				return
			}
			for _, key := range keys {
				if !yield(key, nil) {
					return
				}
			}
			page = next
		}
	}
}

// Close lets the bucket go before the delivery ends, which does so too.
func (bucket *Bucket) Close() {
	bucket.opened.close()
}

func (bucket *Bucket) told(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bucket %q: %w", bucket.name, err)
}
